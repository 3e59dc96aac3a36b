import { createHash } from 'node:crypto'

/** Longest name of a Postgres channel, in bytes: LISTEN cuts what is longer, in silence. */
const MAX_TOPIC_BYTES = 63
const TOPICS = new Map<string, string>()

/**
 * The Postgres channel that carries one of our channels: readable where it fits, hashed where it does not. The schema is
 * part of it, so that two installations in one database never meet.
 */
export function topicOf(schema: string, purpose: 'notify' | 'queue' | 'log', channel: string): string {
  // No name holds a NUL, but any may hold a colon.
  const parts = `${schema}\0${purpose}\0${channel}`
  let topic = TOPICS.get(parts)
  if (topic === undefined) {
    const address = `${schema}:${purpose}:${channel}`
    const readable = Buffer.byteLength(address) <= MAX_TOPIC_BYTES && !schema.includes(':')
    topic = readable ? address : `rowcast:${hash(schema, purpose, channel)}`
    if (TOPICS.size < 10_000) TOPICS.set(parts, topic)
  }
  return topic
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 48)
}
