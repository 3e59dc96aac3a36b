import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeSources } from '../../sql/write-sources.js'
import type * as Rowcast from '../../src/index.js'
import { openCopy } from './copy.js'
import type { TestDatabase } from './databases.js'
import { listMigrations } from './sql.js'

const DIALECTS: readonly TestDatabase['family'][] = ['postgres', 'mysql', 'sqlite']
const EVENT_TABLES = ['queue', 'scheduled', 'history', 'dead_letter', 'log'] as const

/** A rowcast with one migration more than this one, as the next release might be. Gone when disposed. */
export interface NextVersion extends Disposable {
  readonly EventChannel: typeof Rowcast.EventChannel
  /** The number of its migration on a database. */
  version(database: TestDatabase): number
}

/**
 * Copies the library and adds a migration, which gives events a column and makes a table.
 * @param breaks whether the migration says that this version cannot work beside it
 */
export async function openNextVersion(breaks: boolean): Promise<NextVersion> {
  const copy = await openCopy((folder) => {
    for (const dialect of DIALECTS) {
      const version = newestOf(dialect) + 1
      const file = `${String(version).padStart(4, '0')}_tenant.sql`
      writeFileSync(
        join(folder, 'sql', dialect, 'migrations', file),
        migration(dialect, breaks ? version : version - 1),
      )
    }
    writeSources(folder)
  })
  return {
    EventChannel: copy.rowcast.EventChannel,
    version: ({ family }) => newestOf(family) + 1,
    [Symbol.dispose]: () => copy[Symbol.dispose](),
  }
}

function migration(dialect: TestDatabase['family'], compatibleFrom: number): string {
  const relation = (name: string) => (dialect === 'postgres' ? `rowcast.${name}` : `rowcast_${name}`)
  const type = dialect === 'mysql' ? 'varchar(255)' : 'text'
  const columns = EVENT_TABLES.map((table) => `alter table ${relation(table)} add column tenant ${type};\n`)
  const table = `create table ${relation('tenant')} (name ${type} not null primary key);\n`
  return [`-- Compatible from: ${compatibleFrom}\n`, ...columns, table].join('\n')
}

function newestOf(dialect: TestDatabase['family']): number {
  return Math.max(...listMigrations(dialect).map(({ name }) => Number(name.slice(0, 4))))
}
