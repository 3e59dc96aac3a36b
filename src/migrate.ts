import { createHash } from 'node:crypto'
import { type Adapter, call, type Work } from './adapters/adapter.js'
import { describe, MigrationError, RowcastError } from './errors.js'
import { type Dialect, localize, readSql } from './statements.js'

/** One step of the schema, as it is recorded. */
export interface AppliedMigration {
  /** 1 for the first. */
  readonly version: number
  /** The name of its file, without the number: `queue` of `0001_queue.sql`. */
  readonly name: string
}

interface Migration extends AppliedMigration {
  readonly checksum: string
  readonly statements: readonly string[]
}

/**
 * Applies what is missing, while no other process does; returns what it applied. Where nothing is missing it waits for
 * nobody and needs no more rights than reading the record.
 * @throws {MigrationError} when the database refuses, or the schema is not one that this version of rowcast can bring up
 */
export async function migrate(adapter: Adapter): Promise<readonly AppliedMigration[]> {
  const missing = await lookUpMissing(adapter)
  return missing.length === 0 ? [] : adapter.exclusively(() => applyMissing(adapter.dialect)).catch(refuse)
}

function* applyMissing(dialect: Dialect): Work<readonly AppliedMigration[]> {
  const missing = yield* readMissing(dialect)
  for (const migration of missing) {
    for (const sql of migration.statements) yield { sql }
    const { version, name, checksum } = migration
    yield* call('record_migration', { version, name, checksum })
  }
  return missing.map(({ version, name }) => ({ version, name }))
}

/** @throws {MigrationError} unless the schema is exactly the one this version of rowcast works on */
export async function checkSchema(adapter: Adapter): Promise<void> {
  const [next] = await lookUpMissing(adapter)
  if (next === undefined) return
  throw new MigrationError(
    `the schema lacks migration ${next.version} (${next.name}): open once with autoMigrate: true, or have the SQL of migrationSql() run`,
  )
}

function lookUpMissing(adapter: Adapter): Promise<readonly Migration[]> {
  return adapter.transaction(() => readMissing(adapter.dialect)).catch(refuse)
}

/** What the database would not do, with the two ways out of it; anything else as it is. */
function refuse(error: unknown): never {
  if (!(error instanceof RowcastError) || (error.code !== 'CONFIGURATION' && error.code !== 'DATABASE')) throw error
  throw new MigrationError(
    `the database refused to make or read rowcast's tables (${describe(error)}): grant this login the right, or have somebody who has it run the SQL of migrationSql() and open with autoMigrate: false`,
    { cause: error },
  )
}

/**
 * The SQL of every migration, with the records that rowcast keeps of them, for a person to read and run.
 * @param preamble what must come first, such as `create schema`
 */
export function printMigrations(dialect: Dialect, preamble: readonly string[] = []): string {
  const record = dialect.relation('migrations')
  const statements = loadMigrations(dialect).flatMap((migration) => [
    ...migration.statements,
    `insert into ${record} (version, name, checksum)\nvalues (${migration.version}, '${migration.name}', '${migration.checksum}')`,
  ])
  return [...preamble, ...statements].map((statement) => `${statement};\n`).join('\n')
}

interface Recorded {
  readonly version: number
  readonly checksum: string
}

function* readMissing(dialect: Dialect): Work<readonly Migration[]> {
  return findMissing(loadMigrations(dialect), yield* readRecorded(dialect))
}

function* readRecorded(dialect: Dialect): Work<readonly Recorded[]> {
  const [found] = yield* call('find_migrations_table', { migrations_table: dialect.relation('migrations') })
  if (found === undefined) return []
  const rows = yield* call('list_migrations')
  return rows.map((row) => ({ version: Number(row.version), checksum: String(row.checksum) }))
}

function findMissing(known: readonly Migration[], recorded: readonly Recorded[]): readonly Migration[] {
  const newest = Math.max(0, ...recorded.map(({ version }) => version))
  if (newest > known.length) {
    throw new MigrationError(
      `the schema is at version ${newest}, this rowcast knows up to ${known.length}: upgrade rowcast in this process`,
    )
  }
  for (const { version, checksum } of recorded) {
    if (known[version - 1]?.checksum === checksum) continue
    throw new MigrationError(
      `migration ${version} was applied with other contents (checksum ${checksum}): use the version of rowcast that made these tables, or another schema or tablePrefix`,
    )
  }
  const applied = new Set(recorded.map(({ version }) => version))
  return known.filter(({ version }) => !applied.has(version))
}

/** Files are named `0001_queue.sql`; a blank line after a semicolon ends a statement. */
function loadMigrations(dialect: Dialect): readonly Migration[] {
  return readSql(dialect.name, 'migrations').map(({ name, text }) => ({
    version: Number(name.slice(0, 4)),
    name: name.slice(5),
    checksum: createHash('sha256').update(text).digest('hex'),
    statements: localize(dialect, text)
      .split(/;\s*\n/)
      .map((statement) => statement.trim().replace(/\n{2,}/g, '\n'))
      .filter((statement) => statement !== ''),
  }))
}
