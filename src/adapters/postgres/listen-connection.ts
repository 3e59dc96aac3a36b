import { Socket } from 'node:net'
import type { ClientConfig } from 'pg'
import createSubscriberModule from 'pg-listen'
import { ConnectionError } from '../../errors.js'
import { atMost, handled } from '../../wait.js'
import { translate } from './errors.js'

/** How to reach the server for LISTEN: what a `pg.Client` takes. */
export type ListenConfig = Readonly<Record<string, unknown>>

interface ConnectionHandlers {
  onNotification(topic: string, payload: string): void
  /** Told once, when an open connection broke. */
  onLost(error: unknown): void
}

type CreateSubscriber = typeof createSubscriberModule.default
// pg-listen is CommonJS with a `default` export: Node hands out the module, bundlers the function.
const createSubscriber = (
  typeof createSubscriberModule === 'function' ? createSubscriberModule : createSubscriberModule.default
) as CreateSubscriber

const CONNECT_TIMEOUT_MS = 5_000
const CLOSE_TIMEOUT_MS = 1_000
const identity = (text: string) => text

/**
 * One pg-listen subscriber for one connection that lives once. Its own reconnecting gives up for good, and closing it
 * meanwhile leaks a connection; so it is made unable to: its socket comes from a factory that makes one, and its pause
 * between attempts throws, which ends its reconnecting at once with the `error` event that we act on.
 */
export class ListenConnection {
  readonly #handlers: ConnectionHandlers
  readonly #subscriber: ReturnType<CreateSubscriber>
  readonly #socket = new Socket()
  #calls: Promise<unknown> = Promise.resolve()
  #open = false
  lost = false

  constructor(config: ListenConfig, handlers: ConnectionHandlers) {
    this.#handlers = handlers
    this.#subscriber = createSubscriber(this.#clientConfig(config), {
      parse: identity,
      serialize: identity,
      paranoidChecking: false,
      retryTimeout: 0,
      retryLimit: Number.POSITIVE_INFINITY,
      retryInterval: () => {
        throw new ConnectionError('the LISTEN connection broke')
      },
    })
    this.#subscriber.events.on('notification', ({ channel, payload }) =>
      handlers.onNotification(channel, payload ?? ''),
    )
    this.#subscriber.events.on('error', (error) => this.#lose(error))
  }

  /** Connects and listens to the topics, one after the other: pg wants one query at a time. */
  async open(topics: Iterable<string>): Promise<void> {
    const connected = await this.#bounded(CONNECT_TIMEOUT_MS * 2, this.#subscriber.connect())
    if (!connected) throw new ConnectionError(`Postgres did not answer LISTEN's connection: check the address`)
    this.#open = true
    for (const topic of topics) await this.listenTo(topic)
    if (this.lost) throw new ConnectionError('the LISTEN connection broke while it was opened')
  }

  listenTo(topic: string): Promise<void> {
    return this.#inTurn(() => this.#subscriber.listenTo(topic))
  }

  unlisten(topic: string): Promise<void> {
    return this.#inTurn(() => this.#subscriber.unlisten(topic))
  }

  /** Ends it, politely where the server still answers. Idempotent. */
  async discard(): Promise<void> {
    this.#open = false
    if (!this.lost && !this.#socket.destroyed) await atMost(CLOSE_TIMEOUT_MS, handled(this.#close()))
    this.lost = true
    this.#socket.destroy()
  }

  async #close(): Promise<void> {
    await this.#calls.catch(() => undefined)
    await this.#subscriber.close()
  }

  #lose(error: unknown): void {
    if (this.lost) return
    this.lost = true
    this.#socket.destroy()
    if (this.#open) this.#handlers.onLost(error)
  }

  #inTurn(call: () => Promise<unknown> | undefined): Promise<void> {
    const turn = this.#calls.then(async () => {
      if (this.lost) throw new ConnectionError('the LISTEN connection broke')
      const answered = await this.#bounded(CONNECT_TIMEOUT_MS, Promise.resolve(call()))
      if (answered) return
      this.#lose(new ConnectionError('the LISTEN connection does not answer'))
      throw new ConnectionError('the LISTEN connection does not answer')
    })
    this.#calls = handled(turn)
    return turn
  }

  async #bounded(ms: number, work: Promise<unknown>): Promise<boolean> {
    const done = handled(work).then(
      () => true as const,
      (error: unknown) => {
        throw translate(error)
      },
    )
    return (await atMost(ms, done)) === true
  }

  #clientConfig(config: ListenConfig): ClientConfig {
    let made = false
    const stream = () => {
      if (made) throw new ConnectionError('the LISTEN connection broke')
      made = true
      return this.#socket
    }
    return {
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAliveInitialDelayMillis: 10_000,
      ...config,
      stream,
    } as ClientConfig
  }
}
