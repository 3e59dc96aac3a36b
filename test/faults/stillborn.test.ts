import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import * as assert from 'uvu/assert'
import { EventChannel } from '../../src/index.js'
import { database } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { suite } from '../support/suite.js'

const test = suite('postgres: connections that die as they are born')

/** What says that a session is ready, and what says that it was ended. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5])
const FATAL = errorMessage('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')

test('an error in the packet that says ready rejects a call, and nothing else', async () => {
  await using place = await database('postgres').place()
  const url = new URL(place.url)
  const { hostname, port } = url
  let spoiling = false
  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname)
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      if (spoiling && chunk.includes(READY)) client.end(Buffer.concat([chunk, FATAL]))
      else client.write(chunk)
    })
    client.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url.port = String((server.address() as AddressInfo).port)
  const channel = await EventChannel.open(url.href, { ...place.options, backend: 'queue', logger: silent })
  spoiling = true
  // Two events with a key take a transaction, so a connection that is taken out of the pool.
  const events = [1, 2].map((payload) => ({ channel: 'orders', payload, key: `k${payload}` }))
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => channel.publishMany(events)))
  assert.ok(outcomes.some(({ status }) => status === 'rejected'))
  spoiling = false
  await channel.publishMany(events)
  await channel.close()
  server.close()
})

function errorMessage(fields: string): Buffer {
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(Buffer.byteLength(fields) + 4, 1)
  return Buffer.concat([head, Buffer.from(fields)])
}

test.run()
