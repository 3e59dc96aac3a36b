/*
 * Of lists that may be long: as arguments of one call, a hundred thousand numbers overflow the stack.
 */

/** The smallest; `Infinity` where there is none. */
export function smallest(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY
  for (const number of numbers) found = Math.min(found, number)
  return found
}

/** The largest; `-Infinity` where there is none. */
export function largest(numbers: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY
  for (const number of numbers) found = Math.max(found, number)
  return found
}
