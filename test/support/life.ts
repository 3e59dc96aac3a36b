import * as assert from 'uvu/assert'
import { type ChannelOptions, type EngineSource, EventChannel } from '../../src/index.js'
import { silent } from './logger.js'
import { eventually, within } from './wait.js'

/** How long each part of a life may take, in milliseconds. */
const PART_MS = 10_000
/** What goes wrong first where text is not carried as it is. */
const TEXT = 'ü💥\'"\\ ? :a Łж 日本'

/**
 * Lives the whole life of a queue and of a log's group: every way to publish and to settle. Asserts that each event comes, as
 * it was, and that nothing is left.
 * @param open by another copy of the library
 */
export async function assertLives(
  target: () => string | EngineSource,
  options: ChannelOptions,
  open: (target: string | EngineSource, options: ChannelOptions) => Promise<EventChannel> = (...given) =>
    EventChannel.open(...given),
): Promise<void> {
  const given = { logger: silent, pollIntervalMs: 50, ...options }
  await liveQueue(await open(target(), { ...given, backend: 'queue' }))
  await liveLog(await open(target(), { ...given, backend: 'log' }))
}

async function liveQueue(channel: EventChannel): Promise<void> {
  const seen: unknown[] = []
  try {
    const listener = channel.listen(
      ['a', 'b'],
      ({ payload, attempts, metadata }) => {
        seen.push([payload, attempts, metadata])
        if (payload === 'again' && attempts < 2) throw new Error(TEXT)
        if (payload === 'dies') throw new Error(TEXT)
      },
      { backoff: { minMs: 1, maxMs: 1 }, concurrency: 4 },
    )
    await within(PART_MS, listener.ready)
    await channel.publish('a', TEXT)
    await channel.publish('a', 'again')
    await channel.publish('a', 'dies', { maxAttempts: 1 })
    await channel.publish('b', 'delayed', { delayMs: 50 })
    const first = await channel.publish('b', 'keyed', { key: TEXT, delayMs: 100 })
    assert.is(await channel.publish('b', 'keyed twice', { key: TEXT }), first)
    await channel.publishMany([
      { channel: 'a', payload: [1] },
      { channel: 'b', payload: null, metadata: { text: TEXT } },
    ])
    await eventually(PART_MS, () => seen.length === 8)
    const expected = [
      [TEXT, 1, {}],
      ['again', 1, {}],
      ['again', 2, {}],
      ['dies', 1, {}],
      ['delayed', 1, {}],
      ['keyed', 1, {}],
      [[1], 1, {}],
      [null, 1, { text: TEXT }],
    ]
    assert.equal(sorted(seen), sorted(expected))
    await listener.stop()
    const [dead] = await channel.deadLetters.list()
    assert.is(dead?.error, `Error: ${TEXT}`)
    assert.is(await channel.deadLetters.discard({ channel: 'a' }, { reason: TEXT }), 1)
    assert.equal(await channel.stats(), [])
  } finally {
    await channel.close({ drainMs: 0 })
  }
}

async function liveLog(channel: EventChannel): Promise<void> {
  const seen: unknown[] = []
  try {
    const listener = channel.listen(
      'c',
      ({ payload, attempts }) => {
        seen.push(payload)
        if (payload === 3 && attempts < 2) throw new Error(TEXT)
      },
      { group: 'g', from: 'earliest', backoff: { minMs: 1, maxMs: 1 } },
    )
    await within(PART_MS, listener.ready)
    for (let i = 0; i < 5; i++) await channel.publish('c', i)
    await eventually(PART_MS, () => seen.length === 6)
    await listener.stop()
    const [group] = await channel.groups.list()
    assert.equal([group?.position, group?.lag], [5, 0])
  } finally {
    await channel.close({ drainMs: 0 })
  }
}

function sorted(list: readonly unknown[]): readonly string[] {
  return list.map((item) => JSON.stringify(item)).sort()
}
