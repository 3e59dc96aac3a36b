import * as assert from 'uvu/assert'
import { Child } from '../support/child.js'
import { DATABASES } from '../support/databases.js'
import { suite } from '../support/suite.js'
import { World } from '../support/world.js'

/*
 * The same program wherever it runs: backend 'notify', carried by the log where the database cannot notify.
 */

const PROCESSES = 10
const EVENTS = 2_000
/** How long a run may take on a busy machine, in milliseconds: ten processes start. */
const RUN_MS = 150_000

for (const database of DATABASES) {
  const test = suite(`broadcast on ${database.name}`)

  test(
    `${PROCESSES} processes each see each of ${EVENTS} invalidations, once and in order`,
    async () => {
      await using world = await World.open(database, { backend: 'notify', pollIntervalMs: 200 })
      const options = JSON.stringify({ ...world.place.options, backend: 'notify', pollIntervalMs: 200 })
      const args = [world.place.url, options, String(EVENTS - 1)]
      await using children = new Children(PROCESSES, args)
      const backend = database.name === 'postgres' ? 'notify' : 'log'
      assert.is(world.channel.backend, backend)
      for (const child of children.all) await child.said(new RegExp(`^ready ${backend}$`), 1, RUN_MS)
      for (let i = 0; i < EVENTS; i += 100) {
        const events = Array.from({ length: 100 }, (_, j) => ({ channel: 'orders', payload: i + j }))
        await world.channel.publishMany(events)
      }
      for (const child of children.all) await child.said(new RegExp(`^got ${EVENTS} ${EVENTS} true$`), 1, RUN_MS)
      for (const child of children.all) assert.equal(await child.end(RUN_MS), { code: 0, errors: '' })
    },
    RUN_MS,
  )

  test.run()
}

class Children implements AsyncDisposable {
  readonly all: readonly Child[]

  constructor(count: number, args: readonly string[]) {
    this.all = Array.from({ length: count }, () => new Child('subscriber', args))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((child) => child[Symbol.asyncDispose]()))
  }
}
