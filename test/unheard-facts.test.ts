import { channel as diagnostics } from 'node:diagnostics_channel'
import * as assert from 'uvu/assert'
import { DatabaseClock } from '../src/common/clock.js'
import { Telemetry } from '../src/common/telemetry.js'
import { suite } from './support/suite.js'

const test = suite('facts while nobody listens')

/** A delivery that counts how often its id is read, as whoever builds a fact must. */
function watched() {
  const seen = { reads: 0 }
  const event = {
    get id() {
      seen.reads++
      return '01890000-0000-7000-8000-000000000000'
    },
    channel: 'orders',
    attempts: 1,
    availableAtMs: 0,
  }
  return { seen, event }
}

function tellAll(telemetry: Telemetry, { event, seen }: ReturnType<typeof watched>): void {
  const events = Array.from({ length: 1_000 }, () => event)
  const ids = new Proxy(['id'], {
    get(target, name) {
      seen.reads++
      return Reflect.get(target, name)
    },
  })
  telemetry.published(events, ids, 0)
  telemetry.notified(events)
  telemetry.delivered(event, null)
  telemetry.handled(event, null, 0)
  for (const how of ['ack', 'nack', 'dead', 'lost'] as const) telemetry.settled(how, event, null)
  const all = () => {
    seen.reads++
    return events
  }
  telemetry.acked(1_000, all, null)
}

test('no event is looked at and no list is made, and all is counted', () => {
  const telemetry = new Telemetry(new DatabaseClock())
  const parts = watched()
  tellAll(telemetry, parts)
  assert.is(parts.seen.reads, 0)
  const { 'events.publish': published, 'events.ack': acked, 'events.deliver': delivered } = telemetry.snapshot()
  assert.equal([published, acked, delivered], [1_000, 1_001, 1])
})

test('an observer has facts built for as long as it listens', () => {
  const telemetry = new Telemetry(new DatabaseClock())
  const end = telemetry.on(() => undefined)
  const heard = watched()
  tellAll(telemetry, heard)
  assert.ok(heard.seen.reads > 3_000)
  end()
  const unheard = watched()
  tellAll(telemetry, unheard)
  assert.is(unheard.seen.reads, 0)
})

test('a subscriber of one diagnostics channel has none built for the others', () => {
  const telemetry = new Telemetry(new DatabaseClock())
  const types = new Set<unknown>()
  const onMessage = (message: unknown) => void types.add((message as { fact: { type: string } }).fact.type)
  diagnostics('rowcast:process').subscribe(onMessage)
  const parts = watched()
  tellAll(telemetry, parts)
  diagnostics('rowcast:process').unsubscribe(onMessage)
  assert.equal([...types], ['delivered', 'handled'])
  assert.is(parts.seen.reads, 2)
})

test.run()
