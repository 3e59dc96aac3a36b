import type { NotificationListener } from '../../adapters/adapter.js'
import { UnsupportedError } from '../../errors.js'
import type { BackendContext } from '../backend.js'
import { topicOf } from '../topics.js'
import { type Address, addressOf } from './envelope.js'
import type { NotifyInbox } from './inbox.js'
import { envelopesOf } from './notifications.js'

interface Topic {
  readonly address: Address
  readonly inboxes: Set<NotifyInbox>
  /** Resolves once the database sends it here. */
  readonly live: Promise<void>
}

/** Who listens to what: the inboxes of each Postgres channel, over the one LISTEN connection. */
export class Topics implements AsyncDisposable {
  readonly #context: BackendContext
  readonly #topics = new Map<string, Topic>()
  #listener: NotificationListener | undefined

  private constructor(context: BackendContext) {
    this.#context = context
  }

  static async open(context: BackendContext): Promise<Topics> {
    const topics = new Topics(context)
    topics.#listener = await context.adapter.listen?.({
      onNotification: (topic, text) => topics.#deliver(topic, text),
      onReconnect: () => topics.#tellReconnect(),
    })
    if (topics.#listener === undefined) throw new UnsupportedError('this database cannot notify')
    return topics
  }

  async add(inbox: NotifyInbox): Promise<void> {
    await Promise.all(
      inbox.channels.map((channel) => {
        const name = topicOf(this.#context.options.schema, 'notify', channel)
        const topic = this.#topics.get(name) ?? this.#follow(name, channel)
        topic.inboxes.add(inbox)
        return topic.live
      }),
    )
  }

  async remove(inbox: NotifyInbox): Promise<void> {
    for (const [name, topic] of this.#topics) {
      topic.inboxes.delete(inbox)
      if (topic.inboxes.size > 0) continue
      this.#topics.delete(name)
      await this.#listener?.remove(name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.[Symbol.asyncDispose]()
  }

  #follow(name: string, channel: string): Topic {
    const live = this.#listener?.add(name) ?? Promise.resolve()
    const topic = { address: addressOf(channel), inboxes: new Set<NotifyInbox>(), live }
    this.#topics.set(name, topic)
    live.catch(() => this.#topics.delete(name))
    return topic
  }

  #deliver(name: string, text: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    for (const envelope of envelopesOf(text)) {
      for (const inbox of topic.inboxes) inbox.push(topic.address, envelope)
    }
  }

  #tellReconnect(): void {
    this.#context.telemetry.count('events.reconnect')
    const inboxes = new Set([...this.#topics.values()].flatMap((topic) => [...topic.inboxes]))
    for (const inbox of inboxes) inbox.tellGap('reconnect')
  }
}
