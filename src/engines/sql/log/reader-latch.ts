import { atMost, Latch } from '../../../common/wait.js'
import type { Lane } from '../flow/poller.js'
import type { Sequencer } from './sequencer.js'

/** Whether a reader of some channels has a reason to read, and the wait for one. */
export class ReaderLatch implements Disposable {
  readonly #sequencer: Sequencer
  readonly #lanes: readonly Lane[]
  #hot = true
  #standingBy = false
  #failure: { error: unknown } | undefined
  readonly #raised = new Latch()

  constructor(sequencer: Sequencer, channels: readonly string[], pollIntervalMs: number) {
    this.#sequencer = sequencer
    this.#lanes = channels.map((channel) => this.#lane(channel, pollIntervalMs))
    for (const lane of this.#lanes) sequencer.follow(lane)
  }

  /** There is a reason now. */
  raise(): void {
    this.#hot = true
    this.#raised.ring()
  }

  clear(): void {
    this.#hot = false
  }

  /** Until it is disposed, events alone are no reason: another reads them. */
  standBy(): Disposable {
    this.#standingBy = true
    return {
      [Symbol.dispose]: () => {
        this.#standingBy = false
      },
    }
  }

  /**
   * Resolves when there is a reason, when the signal aborts, or after `ms` milliseconds.
   * @throws what makes it pointless to wait
   */
  async wait(signal: AbortSignal, ms?: number): Promise<void> {
    if (!this.#hot) this.#sequencer.onWaiting()
    if (!this.#hot && !signal.aborted) {
      const raised = this.#raised.heard(signal)
      await (ms === undefined ? raised : atMost(ms, raised))
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  [Symbol.dispose](): void {
    for (const lane of this.#lanes) this.#sequencer.unfollow(lane)
  }

  #lane(channel: string, pollIntervalMs: number): Lane {
    const isWaiting = () => !this.#hot && !this.#standingBy
    return {
      channel,
      pollIntervalMs,
      get isWaiting() {
        return isWaiting()
      },
      heat: () => this.raise(),
      fail: (error) => this.#fail(error),
    }
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.raise()
  }
}
