/** The newest of what was put in, up to a limit, oldest first. */
export class Bounded<Item> {
  readonly #capacity: number
  #items: Item[] = []
  /** Where the oldest is. Those before it are gone, and are moved out now and then: each time would move all the others. */
  #first = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#items.length - this.#first
  }

  /** Returns whether the oldest had to make room. */
  put(item: Item): boolean {
    this.#items.push(item)
    if (this.length <= this.#capacity) return false
    this.#remove(1)
    return true
  }

  /** Takes out the oldest. */
  take(limit: number): readonly Item[] {
    const taken = this.#items.slice(this.#first, this.#first + limit)
    this.#remove(taken.length)
    return taken
  }

  #remove(count: number): void {
    this.#first += count
    if (this.#first * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#first)
    this.#first = 0
  }
}
