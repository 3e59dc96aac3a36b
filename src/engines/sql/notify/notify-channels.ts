import { UnsupportedError } from '../../../common/errors.js'
import type { SqlContext } from '../context.js'
import type { NotificationListener } from '../database.js'
import { topicOf } from '../flow/topics.js'
import { type Address, addressOf } from './envelope.js'
import type { NotifyInbox } from './inbox.js'
import { envelopesOf } from './notifications.js'

interface Topic {
  readonly address: Address
  readonly inboxes: Set<NotifyInbox>
}

/** Who listens to what: the inboxes of each Postgres channel, over the one LISTEN connection. */
export class NotifyChannels implements AsyncDisposable {
  readonly #context: SqlContext
  readonly #listener: NotificationListener
  readonly #topics = new Map<string, Topic>()
  /** Those that get all that is published, and so can miss something. */
  readonly #live = new Set<NotifyInbox>()

  /** @throws {UnsupportedError} when the database cannot notify */
  constructor(context: SqlContext) {
    this.#context = context
    const listener = context.database.listen?.({
      onNotification: (topic, text) => this.#deliver(topic, text),
      // What was missed is told when more can be heard: to flush a cache before that would be too early.
      onLost: () => undefined,
      onReconnect: () => this.#tellReconnect(),
    })
    if (listener === undefined) throw new UnsupportedError('this database cannot notify')
    this.#listener = listener
  }

  /**
   * Resolves once the inbox gets what is published to any of its channels.
   * @throws as `NotificationListener.add`; the inbox gets nothing then
   */
  async add(inbox: NotifyInbox): Promise<void> {
    try {
      await Promise.all(inbox.channels.map((channel) => this.#join(channel, inbox)))
      this.#live.add(inbox)
    } catch (error) {
      this.remove(inbox)
      throw error
    }
  }

  remove(inbox: NotifyInbox): void {
    this.#live.delete(inbox)
    for (const channel of inbox.channels) this.#leave(channel, inbox)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener[Symbol.asyncDispose]()
  }

  /** Whoever joins asks for the topic again: it may have been live, and not be now. */
  async #join(channel: string, inbox: NotifyInbox): Promise<void> {
    const name = this.#nameOf(channel)
    const topic = this.#topics.get(name) ?? { address: addressOf(channel), inboxes: new Set() }
    this.#topics.set(name, topic)
    topic.inboxes.add(inbox)
    await this.#listener.add(name)
  }

  #leave(channel: string, inbox: NotifyInbox): void {
    const name = this.#nameOf(channel)
    const topic = this.#topics.get(name)
    if (topic === undefined || !topic.inboxes.delete(inbox) || topic.inboxes.size > 0) return
    this.#topics.delete(name)
    this.#listener.remove(name)
  }

  #nameOf(channel: string): string {
    return topicOf(this.#context.options.schema, 'notify', channel)
  }

  #deliver(name: string, text: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    for (const envelope of envelopesOf(text)) {
      for (const inbox of topic.inboxes) inbox.push(topic.address, envelope)
    }
  }

  #tellReconnect(): void {
    this.#context.telemetry.happened('reconnected')
    for (const inbox of this.#live) inbox.tellGap('reconnect')
  }
}
