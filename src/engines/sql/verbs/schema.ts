import { defineVerb, nothing, textOrNull } from './verb.js'

/* What is asked of the tables as such. */

/** The database's clock, in epoch milliseconds. */
export const readClock = defineVerb(
  'schema/now',
  () => ({}),
  ([row]) => Number(row?.now_ms),
)

/**
 * Whether the table of migrations is there.
 * @param table its name, quoted
 */
export const findMigrationsTable = defineVerb(
  'schema/find_migrations_table',
  (table: string) => ({ migrations_table: table }),
  (rows) => rows.length > 0,
)

/** A migration that was applied. */
export interface Recorded {
  readonly version: number
  readonly checksum: string
  readonly compatibleFrom: number
}

/** Every migration that was applied. */
export const listMigrations = defineVerb(
  'schema/list_migrations',
  () => ({}),
  (rows): readonly Recorded[] =>
    rows.map((row) => ({
      version: Number(row.version),
      checksum: String(row.checksum),
      compatibleFrom: Number(row.compatible_from),
    })),
)

/** Takes note of a migration that was applied. */
export const recordMigration = defineVerb(
  'schema/record_migration',
  ({ version, name, checksum, compatibleFrom }: Recorded & { readonly name: string }) => ({
    version,
    name,
    checksum,
    compatible_from: compatibleFrom,
  }),
  nothing,
)

/** A table whose rows the server may keep from this login. */
export interface Policed {
  readonly table: string
  /** The commands for which no policy lets it see or write a row, parted by commas; `null` for none. */
  readonly closed: string | null
  /** Whether a policy tells rows apart. */
  readonly isPartial: boolean
}

/** Tables of ours on which row level security holds for this login. */
export const findPolicies = defineVerb(
  'schema/find_policies',
  (schema: string) => ({ schema }),
  (rows): readonly Policed[] =>
    rows.map((row) => ({
      table: String(row.name),
      closed: textOrNull(row.closed),
      isPartial: ['t', 'true'].includes(String(row.partial)),
    })),
)

/** What holds for all who share some tables. */
export interface Agreement {
  readonly retentionMs: number
  /** Whether all of them let go of what groups have not read. */
  readonly dropUnread: boolean
}

/** Remembers what one of them asks for; answers with what holds. */
export const agreeRetention = defineVerb(
  'schema/agree_retention',
  (kind: 'history' | 'log' | 'spill', { retentionMs, dropUnread }: Agreement) => ({
    kind,
    retention_ms: retentionMs,
    drop_unread: dropUnread,
  }),
  ([row]): Agreement => ({ retentionMs: Number(row?.retention_ms), dropUnread: Number(row?.drop_unread) === 1 }),
)
