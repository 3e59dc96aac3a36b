import * as assert from 'uvu/assert'
import { EventChannel, type EventMessage, MigrationError } from '../../src/index.js'
import { DATABASES } from '../support/databases.js'
import { rejects } from '../support/errors.js'
import { silent } from '../support/logger.js'
import { openNextVersion } from '../support/next-version.js'
import { suite } from '../support/suite.js'
import { eventually } from '../support/wait.js'

const BACKENDS = ['queue', 'log'] as const
const COUNT = 30

/** Publishes to every listener's channel, and waits until the listeners have had everything. */
class Traffic {
  readonly #published = new Set<string>()
  readonly #handled = new Map<string, number>()

  listenWith(channel: EventChannel, backend: (typeof BACKENDS)[number]): void {
    const handle = ({ id }: EventMessage) => void this.#handled.set(id, (this.#handled.get(id) ?? 0) + 1)
    channel.listen('orders', handle, backend === 'log' ? { group: 'g', from: 'earliest' } : {})
  }

  async publishWith(...channels: readonly EventChannel[]): Promise<void> {
    for (let i = 0; i < COUNT; i++) {
      for (const channel of channels) this.#published.add(await channel.publish('orders', { i }))
    }
  }

  async handledOnce(): Promise<void> {
    await eventually(15_000, () => this.#handled.size >= this.#published.size)
    assert.equal([...this.#handled.keys()].sort(), [...this.#published].sort())
    assert.equal([...new Set(this.#handled.values())], [1])
  }
}

for (const database of DATABASES) {
  const test = suite(`a rolling deploy on ${database.name}`)

  for (const backend of BACKENDS) {
    test(`${backend}: old and new work side by side, the old one restarts, and all goes back to it`, async () => {
      using next = await openNextVersion(false)
      await using place = await database.place()
      const options = { backend, logger: silent, ...place.options } as const
      const traffic = new Traffic()
      const old = await EventChannel.open(place.url, options)
      traffic.listenWith(old, backend)
      await traffic.publishWith(old)

      const upgraded = await next.EventChannel.open(place.url, options)
      assert.equal(await upgraded.migrate(), [])
      const recorded = await place.sql(`select max(version) as version from ${place.table('migrations')}`)
      assert.is(Number(recorded[0]?.version), next.version(database))
      traffic.listenWith(upgraded as EventChannel, backend)
      await traffic.publishWith(old, upgraded as EventChannel)

      await old.close()
      const restarted = await EventChannel.open(place.url, { ...options, autoMigrate: false })
      traffic.listenWith(restarted, backend)
      await traffic.publishWith(restarted, upgraded as EventChannel)

      await upgraded.close()
      await traffic.publishWith(restarted)
      await traffic.handledOnce()
      await restarted.close()
    }, 40_000)
  }

  test('a version that breaks this one is told by both: this one does not open, what runs already goes on', async () => {
    using next = await openNextVersion(true)
    await using place = await database.place()
    const options = { backend: 'queue', logger: silent, ...place.options } as const
    await using running = await EventChannel.open(place.url, options)
    const upgraded = await next.EventChannel.open(place.url, options)
    await upgraded.close()
    const expected = new RegExp(`schema is at version ${next.version(database)}, .* upgrade rowcast in this process`)
    assert.instance(await rejects(EventChannel.open(place.url, options), 'MIGRATION', expected), MigrationError)
    await running.publish('orders', 1)
  })

  test.run()
}
