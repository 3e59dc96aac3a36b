import { ClosedError, ConnectionError, describe, UnsupportedError } from '../../../../common/errors.js'
import type { Logger } from '../../../../common/logger.js'
import { Outage } from '../../../../common/outage.js'
import { detach, handled, sleep } from '../../../../common/wait.js'
import type { NotificationHandlers, NotificationListener } from '../../database.js'
import { Canary } from './canary.js'
import { type ListenConfig, ListenConnection } from './listen-connection.js'
import { isForSettings, withoutIdleLimit } from './listen-session.js'

export type { ListenConfig } from './listen-connection.js'

interface ListenerHandlers extends NotificationHandlers {
  /** Notifies through the pool, the way publishers do. */
  notify(topic: string, payload: string): Promise<void>
  readonly logger: Logger
}

/** How often a connection is looked after, in milliseconds. */
const CHECK_INTERVAL_MS = 10_000

/** A LISTEN connection with its canary. */
interface Link {
  readonly connection: ListenConnection
  readonly canary: Canary
}

/**
 * Keeps one LISTEN connection alive. The listener is always in one of four states:
 *
 *     idle ── first add ──→ building ── proven ──→ live ── it broke, is silent or deaf: onLost ──→ rebuilding
 *      ↑                       │                    ↑                                                  │
 *      └─ failed: every add ───┘                    └── proven: onReconnect ───────────────────────────┘
 *         that waits rejects                            (until then, tried again and again)
 *
 * A connection lives once: whatever goes wrong with it, it is discarded whole and another is made. It is proven when the
 * server has answered the LISTEN of every topic that was wanted at its start, and a canary was heard on it afterwards.
 *
 * `#wanted` holds what subscribers want, whatever the state; only a connection knows what is listened to. So `add` has one
 * promise to keep, that the topic is live on the connection that is live now. It waits for a proven connection, asks that
 * one to listen (which a rebuild may have done already) and, when the answer is there, looks whether that connection is
 * still the live one; if not, it begins again with the next. `remove` only has to reach the live connection: a topic that
 * is not wanted any more is left out of the next, and is given up by one that was begun before.
 *
 * Subscribers call `add` and `remove`. The connection tells its end (`onEnd`); for one that went silent, `#lookAfter` finds
 * that out, by the canary. Closing is possible in every state, and what waits for a connection rejects then.
 */
export class PostgresListener implements NotificationListener {
  readonly #config: ListenConfig | undefined
  readonly #handlers: ListenerHandlers
  readonly #wanted = new Set<string>()
  readonly #closed = new AbortController()
  readonly #outage: Outage
  #live: Link | undefined
  /** Resolves with the next live connection, while one is built or rebuilt. */
  #next: Promise<Link> | undefined
  /** The one that is being proven. */
  #candidate: ListenConnection | undefined
  #looking: Promise<void> | undefined
  /** Whether the server takes a session with settings of ours. */
  #takesSettings = true

  /** @param config how to reach the server for LISTEN; absent when nothing says */
  constructor(config: ListenConfig | undefined, handlers: ListenerHandlers) {
    this.#config = config
    this.#handlers = handlers
    this.#outage = new Outage(handlers.logger, 'the LISTEN connection')
  }

  async add(topic: string): Promise<void> {
    this.#wanted.add(topic)
    try {
      while (this.#wanted.has(topic)) {
        const link = await this.#nextLive()
        if (await this.#isLiveOn(link, topic)) return
      }
    } catch (error) {
      this.#wanted.delete(topic)
      throw error
    }
  }

  remove(topic: string): void {
    this.#wanted.delete(topic)
    if (this.#live === undefined) return
    // One that fails ends the connection, and the next does not listen to the topic.
    detach(this.#live.connection.unlisten(topic))
    this.#rest(this.#live)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    const { connection } = this.#live ?? {}
    this.#live = undefined
    await Promise.all([connection?.discard(), this.#candidate?.discard()])
    await Promise.all([this.#looking, this.#next?.catch(() => undefined)])
  }

  async #nextLive(): Promise<Link> {
    if (this.#closed.signal.aborted) throw closed()
    if (this.#live !== undefined) return this.#live
    this.#next ??= handled(this.#begin())
    return this.#next
  }

  /** `false`: the connection ended meanwhile. */
  async #isLiveOn({ connection }: Link, topic: string): Promise<boolean> {
    try {
      await connection.listenTo(topic)
      return connection === this.#live?.connection
    } catch (error) {
      if (connection.ended) return false
      throw error
    }
  }

  async #begin(): Promise<Link> {
    try {
      return this.#enliven(await this.#prove())
    } catch (error) {
      this.#next = undefined
      throw this.#closed.signal.aborted ? closed() : error
    }
  }

  /** The live connection ended. */
  #rebuild(reason: unknown): void {
    if (this.#closed.signal.aborted) return
    this.#live = undefined
    this.#next = handled(this.#rebuildUntilProven(reason))
    this.#handlers.onLost()
  }

  async #rebuildUntilProven(reason: unknown): Promise<Link> {
    this.#outage.begin(reason)
    while (!this.#closed.signal.aborted) {
      try {
        const link = this.#enliven(await this.#prove())
        this.#outage.end()
        this.#handlers.onReconnect()
        return link
      } catch (error) {
        this.#handlers.logger.debug('the LISTEN connection could not be rebuilt yet', { error: describe(error) })
        await sleep(this.#outage.begin(error), this.#closed.signal)
      }
    }
    throw closed()
  }

  /** In the same turn in which it was proven. */
  #enliven(link: Link): Link {
    this.#live = link
    this.#next = undefined
    this.#looking ??= this.#lookAfter()
    for (const topic of link.connection.topics) {
      if (!this.#wanted.has(topic) && topic !== link.canary.topic) detach(link.connection.unlisten(topic))
    }
    this.#rest(link)
    return link
  }

  /** Makes a connection that listens to all that is wanted, and is heard on. */
  async #prove(): Promise<Link> {
    const link = await this.#connect()
    const { connection, canary } = link
    try {
      await Promise.all([...this.#wanted, canary.topic].map((topic) => connection.listenTo(topic)))
      await canary.prove()
      if (connection.ended) throw new ConnectionError('the LISTEN connection broke just after it was proven')
      return link
    } catch (error) {
      await connection.discard()
      throw error
    } finally {
      this.#candidate = undefined
    }
  }

  async #connect(): Promise<Link> {
    if (this.#config === undefined) {
      throw new UnsupportedError('this pool does not say how to reach its server for LISTEN: pass listenUrl')
    }
    if (this.#takesSettings) {
      try {
        return await this.#open(withoutIdleLimit(this.#config))
      } catch (error) {
        if (!isForSettings(error)) throw error
      }
    }
    const link = await this.#open(this.#config)
    this.#takesSettings = false
    return link
  }

  async #open(config: ListenConfig): Promise<Link> {
    const connection: ListenConnection = new ListenConnection(config, {
      onNotification: (topic, payload) => {
        if (topic === canary.topic) canary.hear(payload)
        else this.#handlers.onNotification(topic, payload)
      },
      onEnd: (error) => {
        canary.end(error)
        if (connection === this.#live?.connection) this.#rebuild(error)
      },
    })
    const canary = new Canary(connection, this.#handlers.notify)
    this.#candidate = connection
    try {
      if (this.#closed.signal.aborted) throw closed()
      await connection.open()
      return { connection, canary }
    } catch (error) {
      await connection.discard()
      throw error
    }
  }

  async #lookAfter(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await sleep(CHECK_INTERVAL_MS, this.#closed.signal)
      if (this.#live !== undefined && this.#wanted.size > 0) await this.#check(this.#live)
    }
  }

  async #check(link: Link): Promise<void> {
    try {
      await link.canary.check()
      this.#rest(link)
    } catch (error) {
      // When the pool cannot notify, its users hear of it themselves; whether this connection answers is still to be seen.
      if (error instanceof UnsupportedError) await this.#giveUp(link, error)
      else await link.connection.answered().catch(() => undefined)
    }
  }

  async #giveUp({ connection }: Link, error: unknown): Promise<void> {
    if (connection === this.#live?.connection) this.#rebuild(error)
    await connection.discard()
  }

  /**
   * While nobody listens to anything, neither does the canary: the server wakes every session that listens for every
   * notification in the database, and a process that only publishes would be woken by its own.
   */
  #rest({ connection, canary }: Link): void {
    if (this.#wanted.size === 0) detach(connection.unlisten(canary.topic))
  }
}

function closed(): ClosedError {
  return new ClosedError('the channel is closed: open another one')
}
