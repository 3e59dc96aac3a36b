import { describe, MigrationError, RowcastError } from '../../common/errors.js'
import { largest } from '../../common/numbers.js'
import type { AppliedMigration } from '../../engine.js'
import type { SqlDatabase } from './database.js'
import { loadMigrations, type Migration } from './migrations.js'
import type { Dialect } from './statements.js'
import { ask, type Work } from './unit-of-work.js'
import { findMigrationsTable, listMigrations, type Recorded, recordMigration } from './verbs/schema.js'

/**
 * Applies what is missing, while no other process does; returns what it applied. Where nothing is missing it waits for
 * nobody and needs no more rights than reading the record.
 * @throws {MigrationError} when the database refuses, or the schema is not one that this version of rowcast can bring up
 */
export async function migrate(database: SqlDatabase): Promise<readonly AppliedMigration[]> {
  const missing = await lookUpMissing(database)
  return missing.length === 0 ? [] : database.exclusively(() => applyMissing(database.dialect)).catch(refuse)
}

function* applyMissing(dialect: Dialect): Work<readonly AppliedMigration[]> {
  const missing = yield* readMissing(dialect)
  for (const migration of missing) {
    for (const sql of migration.statements) yield { sql }
    yield* ask(recordMigration(migration))
  }
  return missing.map(({ version, name }) => ({ version, name }))
}

/** @throws {MigrationError} unless the schema is exactly the one this version of rowcast works on */
export async function checkSchema(database: SqlDatabase): Promise<void> {
  const [next] = await lookUpMissing(database)
  if (next === undefined) return
  throw new MigrationError(
    `the schema lacks migration ${next.version} (${next.name}): open once with autoMigrate: true, or have the SQL of migrationSql() run`,
  )
}

function lookUpMissing(database: SqlDatabase): Promise<readonly Migration[]> {
  return database.transaction(() => readMissing(database.dialect)).catch(refuse)
}

/** What the database would not do, with the two ways out of it; anything else as it is. */
function refuse(error: unknown): never {
  if (!(error instanceof RowcastError) || (error.code !== 'CONFIGURATION' && error.code !== 'DATABASE')) throw error
  const remedy =
    error.code === 'CONFIGURATION'
      ? 'grant this login the right, or have somebody who has it'
      : 'see to what it says, or have somebody who may'
  throw new MigrationError(
    `the database refused to make or read rowcast's tables (${describe(error)}): ${remedy} run the SQL of migrationSql() and open with autoMigrate: false`,
    {
      cause: error,
    },
  )
}

function* readMissing(dialect: Dialect): Work<readonly Migration[]> {
  return findMissing(loadMigrations(dialect), yield* readRecorded(dialect))
}

function* readRecorded(dialect: Dialect): Work<readonly Recorded[]> {
  if (!(yield* ask(findMigrationsTable(dialect.relation('migrations'))))) return []
  try {
    return yield* ask(listMigrations())
  } catch (cause) {
    if (!(cause instanceof MigrationError)) throw cause
    throw new MigrationError(
      'the table of migrations is not one that a released rowcast made: drop its tables, or use another schema or tablePrefix',
      { cause },
    )
  }
}

/**
 * What of the known migrations is to be applied. Newer ones that are recorded were applied by a newer rowcast, beside which
 * this one goes on working, or to which it is rolled back, unless one of them says that it cannot.
 */
function findMissing(known: readonly Migration[], recorded: readonly Recorded[]): readonly Migration[] {
  const newestKnown = largest(known.map(({ version }) => version))
  const newest = largest([0, ...recorded.map(({ version }) => version)])
  const applied = new Set(recorded.map(({ version }) => version))
  const missing = known.filter(({ version }) => !applied.has(version))
  const breaking = recorded.find(({ version, compatibleFrom }) => version > newestKnown && compatibleFrom > newestKnown)
  if (breaking !== undefined || (newest > newestKnown && missing.length > 0)) {
    throw new MigrationError(
      `the schema is at version ${newest}, on which a rowcast that knows version ${breaking?.compatibleFrom ?? newest} works; this one knows up to ${newestKnown}: upgrade rowcast in this process`,
    )
  }
  for (const { version, checksum } of recorded) {
    if (
      version > newestKnown ||
      known.some((migration) => migration.version === version && migration.checksum === checksum)
    )
      continue
    throw new MigrationError(
      `migration ${version} was applied with other contents (checksum ${checksum}): use the version of rowcast that made these tables, or another schema or tablePrefix`,
    )
  }
  return missing
}
