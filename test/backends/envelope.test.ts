import { randomUUID } from 'node:crypto'
import * as assert from 'uvu/assert'
import { addressOf, decodeEnvelope, encodeEnvelope } from '../../src/engines/sql/notify/envelope.js'
import { suite } from '../support/suite.js'

const test = suite('envelopes')
const event = { id: randomUUID(), priority: 5, maxAttempts: 1, delay: null, key: null, metadata: null }
const CHANNELS = ['orders', 'it\'s "quoted" \\ {}', '","p":', 'тема 😀']
const PAYLOADS = [
  null,
  0,
  '',
  'text',
  [],
  {},
  { c: 'orders', p: 1 },
  '","c":"orders","p":1}',
  { s: 1 },
  '\n\u0000\u2028',
]

test('are JSON on one line, and say what was sealed, with metadata or without', async () => {
  for (const channel of CHANNELS) {
    for (const value of PAYLOADS) {
      for (const metadata of [null, '{"c":"orders","p":[1],"s":1}']) {
        const sealed = { ...event, channel, payload: JSON.stringify(value), metadata }
        const { text, bytes } = encodeEnvelope(sealed, 1_700_000_000_000.5, addressOf(channel))
        assert.is(bytes, Buffer.byteLength(text))
        assert.is(JSON.parse(text).c, channel)
        assert.not.match(text, /\n/)
        const arrival = decodeEnvelope(text, addressOf(channel))
        const payload = arrival?.payload
        assert.equal(typeof payload === 'string' ? JSON.parse(payload) : payload?.value, value)
        assert.equal([arrival?.id, arrival?.metadata, arrival?.createdAtMs], [event.id, metadata, 1_700_000_000_000])
      }
    }
  }
})

test('of another channel are nobody’s, whatever is in their payload', async () => {
  const refund = { ...event, channel: 'refunds', payload: '"\\",\\"c\\":\\"orders\\",\\"p\\":1"' }
  const { text } = encodeEnvelope(refund, Date.now(), addressOf('refunds'))
  assert.is(decodeEnvelope(text, addressOf('orders')), undefined)
})

test('spell out what they promise', async () => {
  const large = { ...event, channel: 'orders', payload: JSON.stringify('x'.repeat(8_000)) }
  const { text, isSpilled } = encodeEnvelope(large, Date.now(), addressOf('orders'))
  assert.ok(isSpilled)
  assert.is(decodeEnvelope(text, addressOf('orders'))?.payload, undefined)
  assert.is(decodeEnvelope(text, addressOf('orders'))?.id, event.id)
})

test.run()
