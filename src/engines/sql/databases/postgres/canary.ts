import { randomUUID } from 'node:crypto'
import { ConnectionError, UnsupportedError } from '../../../../common/errors.js'
import { atMost, type Deferred, defer, handled } from '../../../../common/wait.js'
import { inTime } from '../in-time.js'
import type { ListenConnection } from './listen-connection.js'

/** How long a nonce is waited for, after the server has answered its NOTIFY, and how long where one was late; in milliseconds. */
const WINDOW_MS = 1_000
const LATE_WINDOW_MS = 8_000
/** How many nonces in a row must be unheard, on a connection that answers, until it counts as deaf. */
const TRIES = 3
/** Longest that the pool may take to notify, in milliseconds: it may have no connection free. */
const NOTIFY_LIMIT_MS = 30_000

/**
 * What became of a nonce: `heard` by itself; `late`, heard only after the connection was asked something, too; `unheard`,
 * though the connection has answered since.
 */
type Hearing = 'heard' | 'late' | 'unheard'

/**
 * Proves that one LISTEN connection hears what the pool notifies: a nonce notified there is expected here. It finds a
 * pooler in transaction mode, an address of another database and a socket that is half open, and tells them apart.
 *
 * Time alone proves nothing: a pool may be slow to notify, a server or a network slow to deliver. So the wait begins with
 * the server's answer to the NOTIFY, and what is unheard then is followed by a question on the LISTEN connection. Postgres
 * delivers what was notified before it answers what was asked afterwards; so a connection that answers, and has not heard,
 * does not get what the pool sends. One that does not answer is broken, not deaf.
 *
 * What is heard only along with the answer is no proof that it is heard: through a pooler the question itself may have
 * led to the session that listens. Such a nonce is followed by another, which is waited for longer.
 */
export class Canary {
  readonly topic = `rowcast_canary_${randomUUID()}`
  readonly #connection: ListenConnection
  readonly #notify: (topic: string, payload: string) => Promise<void>
  #expected: { readonly nonce: string; readonly heard: Deferred<true> } | undefined

  /** @param notify notifies through the pool, the way publishers do */
  constructor(connection: ListenConnection, notify: (topic: string, payload: string) => Promise<void>) {
    this.#connection = connection
    this.#notify = notify
  }

  /** A notification came on its topic. */
  hear(payload: string): void {
    if (payload === this.#expected?.nonce) this.#expected.heard.resolve(true)
  }

  /** The connection ended. */
  end(error: ConnectionError): void {
    this.#expected?.heard.reject(error)
  }

  /**
   * Resolves once a nonce was heard by itself.
   * @throws {UnsupportedError} when the connection answers, and hears nothing
   * @throws {ConnectionError} when the connection breaks or is silent, or the pool cannot notify
   */
  async prove(): Promise<void> {
    let wasLate = false
    for (let unheard = 0; unheard < TRIES; ) {
      const hearing = await this.#sing(wasLate ? LATE_WINDOW_MS : WINDOW_MS)
      if (hearing === 'heard') return
      if (hearing === 'unheard') unheard++
      else if (wasLate) throw new ConnectionError(`the LISTEN connection hears more than ${LATE_WINDOW_MS} ms late`)
      else wasLate = true
    }
    throw new UnsupportedError(
      'LISTEN receives nothing of what NOTIFY sends: a pooler in transaction mode is in between, or the two go to different databases; pass listenUrl with the direct address of the server',
    )
  }

  /**
   * Looks whether a connection that was proven still hears, sooner or later.
   * @throws as `prove`
   */
  async check(): Promise<void> {
    if ((await this.#sing(WINDOW_MS)) === 'unheard') await this.prove()
  }

  async #sing(windowMs: number): Promise<Hearing> {
    const expected = { nonce: randomUUID(), heard: defer<true>() }
    const heard = handled(expected.heard.promise)
    this.#expected = expected
    try {
      await this.#connection.listenTo(this.topic)
      const notified = handled(inTime('Postgres', this.#notify(this.topic, expected.nonce), NOTIFY_LIMIT_MS))
      await Promise.race([notified, heard])
      if (await atMost(windowMs, heard)) return 'heard'
      await this.#connection.answered()
      return (await atMost(0, heard)) ? 'late' : 'unheard'
    } finally {
      this.#expected = undefined
    }
  }
}
