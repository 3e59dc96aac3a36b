import { Socket } from 'node:net'
import type { ClientConfig } from 'pg'
import createSubscriberModule from 'pg-listen'
import { ConnectionError } from '../../../../common/errors.js'
import { atMost, handled } from '../../../../common/wait.js'
import { inTime } from '../in-time.js'
import { translate } from './errors.js'

/** How to reach the server for LISTEN: what a `pg.Client` takes. */
export type ListenConfig = Readonly<Record<string, unknown>>

interface ConnectionHandlers {
  onNotification(topic: string, payload: string): void
  /** Told once: the connection broke, or was discarded. */
  onEnd(error: ConnectionError): void
}

type CreateSubscriber = typeof createSubscriberModule.default
// pg-listen is CommonJS with a `default` export: Node hands out the module, bundlers the function.
const createSubscriber = (
  typeof createSubscriberModule === 'function' ? createSubscriberModule : createSubscriberModule.default
) as CreateSubscriber

const CONNECT_TIMEOUT_MS = 10_000
/** Longest that the server may take for one answer, in milliseconds; then the connection counts as broken. */
const ANSWER_LIMIT_MS = 6_000
const CLOSE_TIMEOUT_MS = 1_000
const PROBE_TOPIC = 'rowcast_probe'
const identity = (text: string) => text

/**
 * One pg-listen subscriber for one connection, which lives once:
 *
 *     made ── `open` connects ──→ open ── it broke, gave no answer in time, refused, or was discarded ──→ ended
 *       │                                                                                                   ↑
 *       └── it could not connect, or was discarded meanwhile ───────────────────────────────────────────────┘
 *
 * `PostgresListener` makes it, opens it, asks it to listen and discards it. It hears of the end once (`onEnd`), and makes
 * another; what is asked of one that has ended rejects. A topic is in `#topics` from when LISTEN is asked for until UNLISTEN
 * is: it is heard once the server has answered, which `listenTo` tells.
 *
 * The subscriber's own reconnecting gives up for good, and closing it meanwhile leaks a connection; so it is made unable to:
 * its socket comes from a factory that makes one, and its pause between attempts throws, which ends its reconnecting at once
 * with the `error` event that we act on.
 *
 * What is asked goes out at once, and the answers come in the same order (the driver's pipeline mode): a thousand topics
 * take one round trip, and an UNLISTEN never overtakes the LISTEN before it.
 */
export class ListenConnection {
  readonly #handlers: ConnectionHandlers
  readonly #subscriber: ReturnType<CreateSubscriber>
  readonly #socket = new Socket()
  /** Every topic that LISTEN was asked for, with the answer. */
  readonly #topics = new Map<string, Promise<void>>()
  #answers: Promise<unknown> = Promise.resolve()
  #open = false
  #ended = false

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
    this.#subscriber.events.on('error', () => this.#end(new ConnectionError('the LISTEN connection broke')))
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The topics that it listens to, or is about to. */
  get topics(): Iterable<string> {
    return this.#topics.keys()
  }

  async open(): Promise<void> {
    try {
      await inTime('Postgres', this.#subscriber.connect(), CONNECT_TIMEOUT_MS)
    } catch (error) {
      throw translate(error)
    }
    if (this.#ended) throw new ConnectionError('the LISTEN connection broke while it was opened')
    this.#open = true
  }

  /** Resolves once the server sends the topic here; at once when it does already. */
  listenTo(topic: string): Promise<void> {
    let answer = this.#topics.get(topic)
    if (answer === undefined) {
      answer = this.#ask(() => this.#subscriber.listenTo(topic))
      this.#topics.set(topic, answer)
    }
    return answer
  }

  async unlisten(topic: string): Promise<void> {
    if (this.#topics.delete(topic)) await this.#ask(() => this.#subscriber.unlisten(topic))
  }

  /** Resolves when the server answers: all that it notified before has arrived by then. */
  async answered(): Promise<void> {
    await Promise.all([this.listenTo(PROBE_TOPIC), this.unlisten(PROBE_TOPIC)])
  }

  /** Ends it, politely where the server still answers. Idempotent. */
  async discard(): Promise<void> {
    const isWellOff = this.#open && !this.#ended
    this.#noteEnd(new ConnectionError('the LISTEN connection was closed'))
    if (isWellOff) await atMost(CLOSE_TIMEOUT_MS, handled(this.#close()))
    this.#socket.destroy()
  }

  async #close(): Promise<void> {
    await this.#answers
    await this.#subscriber.close()
  }

  #end(error: ConnectionError): void {
    this.#socket.destroy()
    this.#noteEnd(error)
  }

  #noteEnd(error: ConnectionError): void {
    if (this.#ended) return
    this.#ended = true
    this.#handlers.onEnd(error)
  }

  /**
   * Whatever the server refuses ends the connection: a name is never the reason (topics are short and plain), and the
   * subscriber remembers a topic as heard that was refused. The limit for an answer begins with the answer before it, so
   * that a server with much to do is not taken for a silent one.
   */
  #ask(call: () => Promise<unknown> | undefined): Promise<void> {
    if (this.#ended) return handled(Promise.reject(new ConnectionError('the LISTEN connection broke')))
    const answer = handled(Promise.resolve(call()))
    const turn = this.#answers.then(() => this.#inTime(answer))
    this.#answers = turn.catch(() => undefined)
    return handled(turn)
  }

  async #inTime(answer: Promise<unknown>): Promise<void> {
    try {
      await inTime('Postgres', answer, ANSWER_LIMIT_MS)
    } catch (error) {
      const translated = translate(error)
      this.#end(new ConnectionError('the LISTEN connection failed', { cause: translated }))
      throw translated
    }
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
      pipeline: true,
      stream,
    } as ClientConfig
  }
}
