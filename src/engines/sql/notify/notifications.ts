import type { Question } from '../unit-of-work.js'
import { broadcast, broadcastOne } from '../verbs/notify.js'
import { MAX_NOTIFICATION_BYTES, type Sealed } from './envelope.js'

/** What stands between the envelopes of one notification. Compact JSON holds no control characters. */
const NEXT_ENVELOPE = '\n'

/**
 * Notifications in the order they are to be sent. Envelopes in a row for one topic share one, as many as it holds: one
 * with forty envelopes costs the server and each subscriber little more than one with one.
 */
export class Notifications {
  readonly #topics: string[] = []
  readonly #texts: string[] = []
  /** Of the last one. */
  #bytes = 0

  add(topic: string, { text, bytes }: Sealed): void {
    const last = this.#texts.length - 1
    const together = this.#bytes + NEXT_ENVELOPE.length + bytes
    if (this.#topics[last] === topic && together <= MAX_NOTIFICATION_BYTES) {
      this.#texts[last] += NEXT_ENVELOPE + text
      this.#bytes = together
    } else {
      this.#topics.push(topic)
      this.#texts.push(text)
      this.#bytes = bytes
    }
  }

  /** What sends them. */
  get sending(): Question<void> {
    const [topic, ...topics] = this.#topics
    const [text, ...texts] = this.#texts
    if (topic !== undefined && text !== undefined && texts.length + topics.length === 0)
      return broadcastOne(topic, text)
    return broadcast(this.#topics, this.#texts)
  }
}

export function envelopesOf(notification: string): readonly string[] {
  return notification.split(NEXT_ENVELOPE)
}
