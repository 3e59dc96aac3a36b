import { createHash } from 'node:crypto'

/** Longest name of a Postgres channel, in bytes: LISTEN cuts what is longer, in silence. */
const MAX_TOPIC_BYTES = 63
/** Most channels whose topic is kept. */
const MAX_KNOWN = 10_000

type Purpose = 'notify' | 'queue' | 'log'

/** What every encoding of a database can hold, and cuts nowhere. */
const PLAIN = /^[\x20-\x7e]*$/

/**
 * The Postgres channel that carries one of our channels: readable where it fits and is plain, else hashed. The schema is
 * part of it, so that two installations in one database never meet.
 */
export function topicOf(schema: string, purpose: Purpose, channel: string): string {
  const address = `${schema}:${purpose}:${channel}`
  // Any name may hold a colon.
  const readable = address.length <= MAX_TOPIC_BYTES && PLAIN.test(address) && !schema.includes(':')
  return readable ? address : `rowcast:${hash(schema, purpose, channel)}`
}

/** `topicOf` for those who ask by the million. */
export function topicsOf(schema: string, purpose: Purpose): (channel: string) => string {
  const known = new Map<string, string>()
  return (channel) => {
    const topic = known.get(channel) ?? topicOf(schema, purpose, channel)
    if (known.size < MAX_KNOWN) known.set(channel, topic)
    return topic
  }
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 48)
}
