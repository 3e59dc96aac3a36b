import { randomBytes } from 'node:crypto'

/**
 * Tokens of the leases of one channel object, in the form of a UUID: its number in the first eight bytes, a counter in the others. So a row
 * that is leased says which object has it.
 */
export class LeaseTokens {
  readonly #object = randomBytes(8).toString('hex')
  #count = 0

  next(): string {
    const { length } = this.#object
    const count = (++this.#count).toString(16).padStart(length, '0')
    const [a, b, c] = [this.#object.slice(0, 8), this.#object.slice(8, 12), this.#object.slice(12)]
    return `${a}-${b}-${c}-${count.slice(0, 4)}-${count.slice(4)}`
  }
}
