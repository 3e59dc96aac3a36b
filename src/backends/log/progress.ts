/**
 * How far a group has read one channel: the contiguous low-water mark. Events may be settled in any order; the mark moves
 * over those that are settled with everything before them.
 */
export class Progress {
  readonly #pending: number[] = []
  readonly #settled = new Set<number>()
  #mark: number

  constructor(mark: number) {
    this.#mark = mark
  }

  /** The last position that is settled, with everything before it. */
  get mark(): number {
    return this.#mark
  }

  /** An event was handed out, in the order of positions. */
  begin(position: number): void {
    this.#pending.push(position)
  }

  settle(position: number): void {
    this.#settled.add(position)
    for (let first = this.#pending[0]; first !== undefined && this.#settled.delete(first); first = this.#pending[0]) {
      this.#mark = first
      this.#pending.shift()
    }
  }
}
