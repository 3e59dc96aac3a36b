import * as assert from 'uvu/assert'
import { EventChannel } from '../src/index.js'
import { database } from './support/databases.js'
import { silent } from './support/logger.js'
import { bareRole } from './support/postgres.js'
import { suite } from './support/suite.js'
import { eventually } from './support/wait.js'
import { SOON_MS, World } from './support/world.js'

const test = suite('a Postgres login with settings of its own')

const SETTINGS: readonly (readonly [string, string])[] = [
  ['default_transaction_isolation', 'serializable'],
  ['default_transaction_isolation', 'repeatable read'],
  ['standard_conforming_strings', 'off'],
  ['extra_float_digits', '-15'],
  ['datestyle', 'German'],
  ['intervalstyle', 'sql_standard'],
  ['timezone', 'Asia/Kolkata'],
  ['search_path', 'nowhere'],
  ['client_encoding', 'LATIN1'],
  ['idle_in_transaction_session_timeout', '1000'],
  ['idle_session_timeout', '300'],
  ['jit_above_cost', '0'],
  ['synchronous_commit', 'off'],
  ['plan_cache_mode', 'force_generic_plan'],
  ['row_security', 'off'],
]

for (const [name, value] of SETTINGS) {
  test(`${name} = ${value}: queue, log and notify carry events, many at once, as they were`, async () => {
    await using world = await World.open(database('postgres'))
    await using role = await bareRole(world.place)
    await role.grantRows()
    await world.place.sql(`alter role ${new URL(role.url).username} set ${name} = '${value}'`)
    for (const backend of ['queue', 'log', 'notify'] as const) {
      const options = { backend, autoMigrate: false, logger: silent, ...world.place.options } as const
      const channels = await Promise.all([1, 2].map(() => EventChannel.open(role.url, options)))
      const seen: unknown[] = []
      const group = backend === 'log' ? { group: 'g' } : {}
      const listening = backend === 'notify' ? channels.slice(0, 1) : channels
      for (const channel of listening) {
        await channel.listen(backend, ({ payload }) => void seen.push(payload), { concurrency: 4, ...group }).ready
      }
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          i % 4 === 0
            ? channels[i % 2]?.publishMany([{ channel: backend, payload: `é日${i}` }])
            : channels[i % 2]?.publish(backend, `é日${i}`),
        ),
      )
      await eventually(SOON_MS, () => seen.length >= 40)
      assert.equal([...seen].sort(), Array.from({ length: 40 }, (_, i) => `é日${i}`).sort())
      for (const channel of channels) await channel.close({ drainMs: 1_000 })
    }
  })
}

test.run()
