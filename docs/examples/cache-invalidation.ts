import { fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EventChannel } from 'rowcast'

/* Every process that is live hears what changed, and drops it from its cache. Here two: a writer and a web server. */

const file = join(tmpdir(), `rowcast-cache-${process.pid}.db`)
const url = process.env.ROWCAST_URL ?? `sqlite:${file}`
const channel = await EventChannel.open(url, { backend: 'notify' })
await (process.argv[2] === 'web server' ? serve() : write())
await channel.close()
rmSync(file, { force: true })

async function serve(): Promise<void> {
  const prices = new Map([
    ['tea', 3],
    ['rice', 2],
  ])
  const drop = (name: string) => {
    prices.delete(name)
    console.log(`web server: ${name} dropped, still cached: ${[...prices.keys()]}`)
    process.send?.('dropped')
  }
  // After a gap (a lost connection, a full buffer) nobody knows what was missed: flush the whole cache.
  await channel.listen('cache.prices', ({ payload }) => drop(String(payload)), { onGap: () => prices.clear() }).ready
  process.send?.('ready')
  await once(process, 'disconnect')
}

async function write(): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['web server'], { env: { ...process.env, ROWCAST_URL: url } })
  await once(server, 'message')
  await channel.publish('cache.prices', 'tea')
  await once(server, 'message')
  server.disconnect()
  await once(server, 'exit')
}
