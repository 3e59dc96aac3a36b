import { randomUUID } from 'node:crypto'
import { ConnectionError, describe, UnsupportedError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { atMost, backoffMs, type Deferred, defer, handled, sleep } from '../../wait.js'
import type { NotificationHandlers, NotificationListener } from '../adapter.js'
import { type ListenConfig, ListenConnection } from './listen-connection.js'

export type { ListenConfig } from './listen-connection.js'

interface ListenerHandlers extends NotificationHandlers {
  /** Notifies through the pool, the way publishers do. */
  notify(topic: string, payload: string): Promise<void>
  readonly logger: Logger
}

/** How often the canary sings, and how long it may take to be heard, in milliseconds. */
const CANARY_INTERVAL_MS = 10_000
const CANARY_TIMEOUT_MS = 3_000

/**
 * Opens the LISTEN connection and proves that it hears what the pool sends.
 * @throws {ConnectionError} when the server cannot be reached
 * @throws {UnsupportedError} when notifications do not arrive: a pooler in between, or another database
 */
export async function openListener(config: ListenConfig, handlers: ListenerHandlers): Promise<NotificationListener> {
  const listener = new PostgresListener(config, handlers)
  try {
    await listener.open()
    return listener
  } catch (error) {
    await listener[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Keeps one LISTEN connection alive. A connection lives once: whatever goes wrong with it (an error, an end, a canary
 * that is not heard), it is discarded whole and another is made, on every topic, before `onReconnect` is told.
 *
 * The canary is a nonce notified through the pool and expected back here. One mechanism finds a half-open socket, a
 * pooler in transaction mode and an address of another database.
 */
class PostgresListener implements NotificationListener {
  readonly #config: ListenConfig
  readonly #handlers: ListenerHandlers
  readonly #topics = new Set<string>()
  readonly #canaryTopic = `rowcast_canary_${randomUUID()}`
  readonly #closed = new AbortController()
  #connection: ListenConnection | undefined
  #canary: { nonce: string; heard: Deferred<true> } | undefined
  #rebuilding: Promise<void> | undefined
  #watching: Promise<void> | undefined

  constructor(config: ListenConfig, handlers: ListenerHandlers) {
    this.#config = config
    this.#handlers = handlers
  }

  async open(): Promise<void> {
    this.#connection = await this.#connect()
    if (!(await this.#hearCanary())) {
      throw new UnsupportedError(
        'LISTEN receives nothing of what NOTIFY sends: a pooler in transaction mode is in between, or the two go to different databases; pass listenUrl with the direct address of the server',
      )
    }
    this.#watching = this.#watch()
  }

  async add(topic: string): Promise<void> {
    this.#topics.add(topic)
    // While the connection is being rebuilt, the rebuild brings the topic in.
    await (this.#rebuilding ?? this.#connection?.listenTo(topic))
  }

  async remove(topic: string): Promise<void> {
    this.#topics.delete(topic)
    if (this.#rebuilding !== undefined) return
    await this.#connection?.unlisten(topic).catch(() => undefined)
    await this.#rest()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#connection?.discard()
    await Promise.all([this.#watching, this.#rebuilding])
  }

  async #connect(): Promise<ListenConnection> {
    const connection = new ListenConnection(this.#config, {
      onNotification: (topic, payload) => this.#receive(topic, payload),
      onLost: (error) => {
        if (connection === this.#connection) this.#rebuild(error)
      },
    })
    try {
      await connection.open([this.#canaryTopic, ...this.#topics])
      return connection
    } catch (error) {
      await connection.discard()
      throw error
    }
  }

  #receive(topic: string, payload: string): void {
    if (topic !== this.#canaryTopic) this.#handlers.onNotification(topic, payload)
    else if (payload === this.#canary?.nonce) this.#canary.heard.resolve(true)
  }

  async #hearCanary(): Promise<boolean> {
    const canary = { nonce: randomUUID(), heard: defer<true>() }
    this.#canary = canary
    try {
      await this.#connection?.listenTo(this.#canaryTopic)
      await this.#handlers.notify(this.#canaryTopic, canary.nonce)
      return (await atMost(CANARY_TIMEOUT_MS, canary.heard.promise)) === true
    } finally {
      this.#canary = undefined
      await this.#rest()
    }
  }

  /**
   * While nobody listens to anything, neither does the canary: the server wakes whoever listens for every notification in
   * the database, and a process that only publishes would be woken by its own.
   */
  async #rest(): Promise<void> {
    if (this.#topics.size > 0 || this.#canary !== undefined) return
    await this.#connection?.unlisten(this.#canaryTopic).catch(() => undefined)
  }

  async #watch(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await sleep(CANARY_INTERVAL_MS, this.#closed.signal)
      if (this.#closed.signal.aborted || this.#rebuilding !== undefined || this.#topics.size === 0) continue
      // When the pool cannot notify, nothing is known about this connection; the pool's users hear of it themselves.
      const heard = await this.#hearCanary().catch(() => true)
      if (!heard && this.#rebuilding === undefined) {
        this.#rebuild(new ConnectionError('the LISTEN connection does not receive what was notified'))
      }
    }
  }

  #rebuild(reason: unknown): void {
    if (this.#closed.signal.aborted || this.#rebuilding !== undefined) return
    this.#handlers.logger.warn('the LISTEN connection was lost and is being rebuilt', { reason: describe(reason) })
    const rebuilding = this.#rebuildUntilHeard().finally(() => {
      this.#rebuilding = undefined
    })
    this.#rebuilding = handled(rebuilding)
  }

  async #rebuildUntilHeard(): Promise<void> {
    const lost = this.#connection
    this.#connection = undefined
    await lost?.discard()
    for (let attempt = 1; !this.#closed.signal.aborted; attempt++) {
      if (await this.#tryConnection(attempt)) return
      await sleep(50 + backoffMs(attempt, { minMs: 100, maxMs: 5_000 }), this.#closed.signal)
    }
  }

  async #tryConnection(attempt: number): Promise<boolean> {
    try {
      const topics = new Set(this.#topics)
      const connection = await this.#connect()
      this.#connection = connection
      for (const topic of this.#topics) if (!topics.has(topic)) await connection.listenTo(topic)
      if (connection.lost || !(await this.#hearCanary()))
        throw new ConnectionError('the new connection is not heard on')
      if (this.#closed.signal.aborted) await connection.discard()
      else this.#handlers.onReconnect()
      return true
    } catch (error) {
      await this.#connection?.discard()
      this.#connection = undefined
      this.#handlers.logger.debug('the LISTEN connection could not be rebuilt yet', { attempt, error: describe(error) })
      return false
    }
  }
}
