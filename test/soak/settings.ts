import { EventChannel, RowcastError } from '../../src/index.js'
import { targetOf } from '../support/actors/target.js'
import type { DatabaseName } from '../support/chosen.js'
import type { Place } from '../support/databases.js'
import { silent } from '../support/logger.js'
import { SERVERS } from '../support/servers/find.js'

/** Something that a server, a session or a pool may be set to, and that events must not notice. */
export interface Setting {
  readonly name: string
  readonly databases: readonly DatabaseName[]
  /** Of the round's own database, for all of its sessions: `name = value`, or SQLite's pragma. */
  readonly server?: string
  /** A statement that a pool of the user's own says on each of its connections; else channels are opened by URL. */
  readonly session?: string
}

const MYSQL = ['mariadb', 'mysql'] as const

const onServer = (databases: readonly DatabaseName[], ...settings: readonly string[]): readonly Setting[] =>
  settings.map((server) => ({ name: server, databases, server }))
const onSession = (databases: readonly DatabaseName[], ...statements: readonly string[]): readonly Setting[] =>
  statements.map((session) => ({ name: `${session}, by the pool`, databases, session }))

/** One more setting is one more line. */
export const SETTINGS: readonly Setting[] = [
  { name: 'as it comes', databases: ['postgres', ...MYSQL, 'sqlite'] },
  ...onServer(
    ['postgres'],
    "default_transaction_isolation = 'serializable'",
    "default_transaction_isolation = 'repeatable read'",
    'statement_timeout = 2000',
    'lock_timeout = 100',
    'synchronous_commit = off',
    'plan_cache_mode = force_generic_plan',
    'plan_cache_mode = force_custom_plan',
    "DateStyle = 'SQL, DMY'",
    "TimeZone = 'Asia/Kathmandu'",
    'idle_session_timeout = 1000',
    'idle_in_transaction_session_timeout = 1000',
    'standard_conforming_strings = off',
    'bytea_output = escape',
    'extra_float_digits = -15',
    "IntervalStyle = 'sql_standard'",
    "search_path = ''",
    'enable_indexscan = off',
    'transform_null_equals = on',
    'row_security = off',
  ),
  ...onSession(
    ['postgres'],
    'set default_transaction_isolation = serializable',
    'set default_transaction_deferrable = on',
    "set search_path = ''",
    'set statement_timeout = 2000',
  ),
  ...onServer(
    MYSQL,
    "sql_mode = ''",
    "sql_mode = 'ANSI'",
    "sql_mode = 'TRADITIONAL'",
    "sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "time_zone = '+05:45'",
    'wait_timeout = 2',
    'innodb_lock_wait_timeout = 1',
    'autocommit = 0',
    "completion_type = 'CHAIN'",
    'sql_safe_updates = 1',
    'sql_auto_is_null = 1',
    "character_set_server = 'latin1'",
    "optimizer_switch = 'derived_merge=off'",
    'max_sort_length = 8',
    'div_precision_increment = 0',
    'group_concat_max_len = 4',
  ),
  ...onServer(['mysql'], "transaction_isolation = 'SERIALIZABLE'", 'max_execution_time = 2000'),
  ...onServer(['mariadb'], "tx_isolation = 'SERIALIZABLE'", 'max_statement_time = 2', "sql_mode = 'ORACLE'"),
  ...onSession(
    MYSQL,
    'set autocommit = 0',
    "set completion_type = 'CHAIN'",
    'set sql_safe_updates = 1',
    "set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    'set session transaction isolation level serializable',
    'set session transaction read only',
    "set time_zone = '-11:00'",
    'set sql_select_limit = 10',
    'set wait_timeout = 2',
    'set names latin1',
  ),
  ...onServer(
    ['sqlite'],
    'journal_mode = delete',
    'journal_mode = truncate',
    'page_size = 512',
    'auto_vacuum = full',
    "encoding = 'UTF-16'",
  ),
  ...onSession(
    ['sqlite'],
    'pragma synchronous = full',
    'pragma synchronous = off',
    'pragma mmap_size = 268435456',
    'pragma cache_size = 10',
    'pragma temp_store = memory',
    'pragma foreign_keys = on',
    'pragma recursive_triggers = on',
    'pragma reverse_unordered_selects = on',
    'pragma case_sensitive_like = on',
    'pragma busy_timeout = 0',
    'pragma locking_mode = normal',
  ),
]

/** Makes a setting; what it was before is back when it is disposed. */
export async function applySetting(name: DatabaseName, place: Place, { server }: Setting): Promise<AsyncDisposable> {
  if (server === undefined) return { [Symbol.asyncDispose]: async () => undefined }
  if (name === 'sqlite') {
    await place.sql(`pragma ${server}`)
    return { [Symbol.asyncDispose]: async () => undefined }
  }
  const [variable = ''] = server.split(' = ')
  if (name === 'postgres') {
    await place.sql(`alter database ${new URL(place.url).pathname.slice(1)} set ${server}`)
    return { [Symbol.asyncDispose]: async () => undefined }
  }
  const { ask } = SERVERS[name]
  const [before] = (await ask(place.url, `select @@global.${variable} as value`)) as { value: unknown }[]
  await ask(place.url, `set global ${server}`)
  return {
    async [Symbol.asyncDispose]() {
      const value = typeof before?.value === 'number' ? before.value : `'${before?.value}'`
      await ask(place.url, `set global ${variable} = ${value}`)
    },
  }
}

/** Why rowcast does not open where it is set so: it may, if it says why. */
export async function refusalOf(place: Place, { session }: Setting): Promise<string | undefined> {
  const { source, end } = await targetOf(place.url, session ?? null)
  try {
    const channel = await EventChannel.open(source, { backend: 'queue', logger: silent, ...place.options })
    await channel.close()
    return undefined
  } catch (error) {
    const isTold = error instanceof RowcastError && ['CONFIGURATION', 'CONNECTION', 'UNSUPPORTED'].includes(error.code)
    if (!isTold) throw error
    return error.message
  } finally {
    await end()
  }
}
