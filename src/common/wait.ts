import { onAbort } from './abort-signals.js'

/**
 * Resolves after `ms` milliseconds, or at once when the signal aborts; never rejects. All that sleep by one signal share one
 * listener on it.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const wake = () => {
      clearTimeout(timer)
      unfollow?.()
      resolve()
    }
    const timer = setTimeout(wake, ms)
    const unfollow = signal && onAbort(signal, wake)
  })
}

/** Resolves when sockets and timers have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Resolves with the promise's value, or with `undefined` after `ms` milliseconds; leaves no timer behind. */
export async function atMost<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const done = new AbortController()
  try {
    return await Promise.race([promise, sleep(ms, done.signal).then(() => undefined)])
  } finally {
    done.abort()
  }
}

/**
 * Resolves with the promise's value, or rejects after `ms` milliseconds with the error that `late` makes. Its timer keeps no
 * process alive.
 */
export function inTime<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms).unref()
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Resolves with the promise's value, or rejects at once with the reason that `why` makes when the signal aborts first. */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>, why: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(why())
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** A promise with its handles outside, for those who wait for a fact that somebody else makes true. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

export function defer<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/**
 * A re-armable latch: each ring wakes every waiter of that moment, and the next waiters wait for the next ring. The end of their
 * signal wakes them, too: one signal for all waits, which gets one listener.
 */
export class Latch {
  #rung: Deferred<void> | undefined
  #signal: AbortSignal | undefined

  get isAwaited(): boolean {
    return this.#rung !== undefined
  }

  /** Resolves at the next ring. The signal has not aborted yet. */
  heard(signal: AbortSignal): Promise<void> {
    if (this.#signal !== signal) signal.addEventListener('abort', () => this.ring(), { once: true })
    this.#signal = signal
    this.#rung ??= defer()
    return this.#rung.promise
  }

  ring(): void {
    this.#rung?.resolve()
    this.#rung = undefined
  }
}

/** Marks a promise as watched elsewhere, so that its rejection is never an unhandled one. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** Lets work go on by itself whose failure somebody else reports. */
export function detach(promise: Promise<unknown>): void {
  promise.catch(() => undefined)
}

/** Work that goes on by itself, counted so that somebody can wait for its end. */
export class Background {
  #running = 0
  #drained: Deferred<void> | undefined

  /** How many are going on. */
  get running(): number {
    return this.#running
  }

  add(work: Promise<unknown>, onError: (error: unknown) => void): void {
    this.begin()
    work.catch(onError).finally(() => this.end())
  }

  begin(): void {
    this.#running++
  }

  end(): void {
    if (--this.#running > 0) return
    this.#drained?.resolve()
    this.#drained = undefined
  }

  /** Resolves when nothing is running (any more). */
  async drained(): Promise<void> {
    while (this.#running > 0) {
      this.#drained ??= defer()
      await this.#drained.promise
    }
  }
}
