import { createHash } from 'node:crypto'
import type { AppliedMigration } from '../../engine.js'
import { type Dialect, localize } from './statements.js'

export interface Migration extends AppliedMigration {
  /** Of its SQL without comments and white space: a comment that is worded anew is the same migration. */
  readonly checksum: string
  /** The oldest schema version whose rowcast still works on tables that this migration was applied to. */
  readonly compatibleFrom: number
  readonly statements: readonly string[]
}

const COMPATIBLE_FROM = /^-- Compatible from: (\d+)\s*$/m

/**
 * The migrations of one dialect, in order. Files are named `0001_queue.sql`; a blank line after a semicolon ends a statement.
 * A line `-- Compatible from: 3` says that a rowcast whose newest migration is 3 works on the result; without one, only a
 * rowcast that knows this migration does.
 */
export function loadMigrations(dialect: Dialect): readonly Migration[] {
  return dialect.sources.migrations.map(({ name, text }) => {
    const version = Number(name.slice(0, 4))
    return {
      version,
      name: name.slice(5),
      checksum: checksumOf(text),
      compatibleFrom: Number(COMPATIBLE_FROM.exec(text)?.[1] ?? version),
      statements: localize(dialect, text)
        .split(/;\s*\n/)
        .map((statement) => statement.trim().replace(/\n{2,}/g, '\n'))
        .filter((statement) => statement !== ''),
    }
  })
}

/** Of the file rather than of what one schema or prefix makes of it. */
export function checksumOf(text: string): string {
  const code = text
    .replace(/--[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .trim()
  return createHash('sha256').update(code).digest('hex')
}

/**
 * The SQL of the migrations, with the records that rowcast keeps of them, for a person to read and run. It may be run again:
 * what is there stays.
 * @param preamble what must come first, such as `create schema`
 * @param from the version that the tables have already; 0 for none
 */
export function printMigrations(dialect: Dialect, preamble: readonly string[], from: number): string {
  const statements = loadMigrations(dialect)
    .filter(({ version }) => version > from)
    .flatMap((migration) => [...migration.statements.map(unlessThere), record(dialect, migration)])
  return [...preamble, ...statements].map((statement) => `${statement};\n`).join('\n')
}

/** Opening must not take a table of somebody else's for ours; a person who runs the SQL a second time knows whose it is. */
function unlessThere(statement: string): string {
  return statement.replace(/^create (table|index) (?!if not exists)/, 'create $1 if not exists ')
}

function record(dialect: Dialect, { version, name, checksum, compatibleFrom }: Migration): string {
  const table = dialect.relation('migrations')
  return [
    `insert into ${table} (version, name, checksum, compatible_from)`,
    `select ${version}, '${name}', '${checksum}', ${compatibleFrom}`,
    `where not exists (select 1 from ${table} where version = ${version})`,
  ].join('\n')
}
