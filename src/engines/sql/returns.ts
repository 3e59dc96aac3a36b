/** Tells the open backend of this object, if there is one, of events that an operator has made ready again. */
export class Returns {
  #hear: ((channel: string) => void) | undefined

  /** @param hear called with the channel, after the commit */
  listen(hear: (channel: string) => void): void {
    this.#hear = hear
  }

  tell(channel: string): void {
    this.#hear?.(channel)
  }
}
