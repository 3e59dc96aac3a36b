/** Shortest pause between two looks, in milliseconds. */
export const MIN_POLL_MS = 1

/** Waits for events of some channels, and is told by hints. */
export interface Sleeper {
  /** Something may be there now; an undefined channel means any. */
  wake(channel: string | undefined): void
  /** Something will be due in `dueInMs` milliseconds. */
  expect(channel: string, dueInMs: number): void
  /** Something may have changed: look. */
  look(): void
  /** Something has come, or will when a transaction of the user's commits: more is likely soon. */
  stir(): void
  /** Whether other processes' publishes are told by hints (until this says otherwise, they are); where they are not, probe. */
  hear(hintsCome: boolean): void
}
