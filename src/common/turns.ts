/** What is still to be done on each handle, by any object of this process. */
const turns = new WeakMap<WeakKey, Promise<unknown>>()

/**
 * Does work on the handle of a transaction once all that was begun on it before is over: a unit of work takes several
 * statements, between which no other may run, and drivers want one at a time. Where nothing is in hand it begins at once:
 * the transaction of a synchronous driver is over when its function returns.
 * @param handle what is none is for the work to refuse
 */
export function inTurn<Result>(handle: unknown, work: () => Promise<Result>): Promise<Result> {
  if (typeof handle !== 'object' || handle === null) return work()
  const before = turns.get(handle)
  const turn = before === undefined ? work() : before.then(work)
  const over = turn
    .catch(() => undefined)
    .then(() => {
      if (turns.get(handle) === over) turns.delete(handle)
    })
  turns.set(handle, over)
  return turn
}
