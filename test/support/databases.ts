import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import type { ChannelOptions, EngineSource } from '../../src/index.js'
import { type DatabaseName, demand, type ServerName, VARIABLES } from './chosen.js'

type Row = Record<string, unknown>

/** A place of its own on a database: a schema, a prefix, a file. Gone when disposed. */
export interface Place extends AsyncDisposable {
  readonly url: string
  /** What to open where that is no URL. */
  readonly target?: EngineSource
  /** Channel options that lead to this place. */
  readonly options: Pick<ChannelOptions, 'schema' | 'tablePrefix'>
  /** One of rowcast's tables, as SQL writes it. */
  table(name: string): string
  /** SQL past the library, on a connection of its own. */
  sql(text: string): Promise<readonly Row[]>
  /** Opens a transaction of a user's own. */
  begin(): Promise<UserTransaction>
}

/** A login with few rights. Gone when disposed. */
export interface Login extends AsyncDisposable {
  readonly url: string
  /** Lets it read and write the rows of the place's tables. */
  grantRows(): Promise<void>
}

/** A transaction as a user of rowcast would hold it. */
export interface UserTransaction {
  /** What goes into the publish option `tx`. */
  readonly handle: unknown
  commit(): Promise<void>
  rollback(): Promise<void>
}

export interface TestDatabase {
  readonly name: DatabaseName
  /** MySQL and MariaDB share what is named for it: the adapter, its statements and its driver. */
  readonly family: 'postgres' | 'mysql' | 'sqlite'
  /** Whether a publish elsewhere wakes a consumer at once, without polling. */
  readonly wakes: boolean
  /** SQL for a point in time so many seconds ago, as the tables store it. */
  ago(seconds: number): string
  /**
   * A new one, without tables.
   * @param url a server or database of the test's own, rather than the run's
   */
  place(url?: string): Promise<Place>
  /** One that another test may have left, with empty tables: making them takes a server longer than most tests. */
  usedPlace(): Promise<Place>
}

const agoOnMysql = (seconds: number) => `date_sub(utc_timestamp(6), interval ${seconds} second)`

/** Where rowcast runs. A new database is one entry here. */
export const DATABASES: readonly TestDatabase[] = [
  {
    name: 'postgres',
    family: 'postgres',
    wakes: true,
    ago: (s) => `now() - interval '${s} seconds'`,
    place: (url) => placeOnPostgres(url),
    usedPlace: () => placeOnPostgres(undefined, shelfOf('postgres')),
  },
  ...(['mariadb', 'mysql'] as const).map((name) => ({
    name,
    family: 'mysql' as const,
    wakes: false,
    ago: agoOnMysql,
    place: (url?: string) => placeOnMysql(name, url),
    usedPlace: () => placeOnMysql(name, undefined, shelfOf(name)),
  })),
  {
    name: 'sqlite',
    family: 'sqlite',
    wakes: true,
    ago: (s) => `cast((unixepoch('subsec') - ${s}) * 1000 as integer)`,
    place: placeOnSqlite,
    usedPlace: placeOnSqlite,
  },
]

/** The same, where no test has been before: for tests of how tables are made, and of what they are like when they are new. */
export function fresh<Database extends Pick<TestDatabase, 'place'>>(database: Database): Database & TestDatabase {
  return { ...database, usedPlace: () => database.place() } as Database & TestDatabase
}

type OnServer = TestDatabase & { readonly name: ServerName }

/** Those that are servers. */
export const ON_SERVERS = DATABASES.filter((each): each is OnServer => each.name !== 'sqlite')
/** MariaDB and MySQL: for tests of what the adapter for both does. */
export const MYSQL_FAMILY = ON_SERVERS.filter(({ family }) => family === 'mysql')

/** The one of that name; for tests of what only one database has. */
export function database(name: DatabaseName): TestDatabase {
  const found = DATABASES.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no test database named ${name}`)
  return found
}

/**
 * The server that the runner found or started.
 * @throws {LeftOut} when this run is not about it
 */
export function serverUrl(name: ServerName): string {
  demand(name)
  const url = process.env[VARIABLES[name]]
  if (url) return url
  throw new Error(`${VARIABLES[name]} is not set: run the tests by npm test, which finds or starts the servers`)
}

function unique(): string {
  return `t${randomBytes(6).toString('hex')}`
}

/** The transactions of a place that no test has ended: what failed between the two must not keep its tables for good. */
class OpenTransactions {
  readonly #all = new Set<UserTransaction>()

  add(handle: unknown, end: (how: 'commit' | 'rollback') => Promise<void>): UserTransaction {
    const once = (how: 'commit' | 'rollback') => async () => {
      this.#all.delete(transaction)
      await end(how)
    }
    const transaction = { handle, commit: once('commit'), rollback: once('rollback') }
    this.#all.add(transaction)
    return transaction
  }

  async rollback(): Promise<void> {
    await Promise.all([...this.#all].map((each) => each.rollback().catch(() => undefined)))
  }
}

/** Schemas or prefixes whose tables are empty, and as they were made. */
type Shelf = string[]

const shelves = new Map<ServerName, Shelf>()

function shelfOf(name: ServerName): Shelf {
  const shelf = shelves.get(name) ?? []
  shelves.set(name, shelf)
  return shelf
}

/** What leaves tables as they were made, but for their rows, and the migrations as they are. */
const LEAVES_TABLES = /^\s*(select|update(?!.*migrations)|explain|with)\b/is
const EMPTIED = ['queue', 'scheduled', 'history', 'dead_letter', 'dedupe', 'log_incoming', 'log', 'log_tail']
/** Statements after which tables are as they were made. */
const emptying = (table: (name: string) => string, more: readonly string[] = []) => [
  ...[...EMPTIED, 'checkpoint', 'retention', ...more].map((name) => `delete from ${table(name)}`),
  `update ${table('log_head')} set position = 0`,
]

async function placeOnPostgres(url = serverUrl('postgres'), shelf?: Shelf): Promise<Place> {
  const schema = shelf?.pop() ?? unique()
  const table = (name: string) => `${schema}.${name}`
  let isSpoilt = shelf === undefined
  const open = new OpenTransactions()
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => undefined)
  return {
    url,
    options: { schema },
    table,
    async sql(text) {
      isSpoilt ||= !LEAVES_TABLES.test(text)
      return (await pool.query<Row>(text)).rows
    },
    async begin() {
      const client = await pool.connect()
      await client.query('begin')
      return open.add(client, async (how) => {
        await client.query(how)
        client.release()
      })
    },
    async [Symbol.asyncDispose]() {
      await open.rollback()
      const isKept = !isSpoilt && (await succeeds(pool.query(emptying(table, ['spill']).join(';'))))
      if (isKept) shelf?.push(schema)
      else await pool.query(`drop schema if exists ${schema} cascade`)
      await pool.end()
    },
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}

async function placeOnMysql(name: ServerName, url = serverUrl(name), shelf?: Shelf): Promise<Place> {
  const tablePrefix = shelf?.pop() ?? `${unique()}_`
  const table = (name: string) => `${tablePrefix}${name}`
  let isSpoilt = shelf === undefined
  const open = new OpenTransactions()
  const pool = createPool({ uri: url, connectionLimit: 4, timezone: 'Z' })
  const sql = async (text: string) => (await pool.query(text))[0] as Row[]
  const empty = async () => {
    for (const text of emptying(table)) await sql(text)
  }
  return {
    url,
    options: { tablePrefix },
    table,
    sql(text) {
      isSpoilt ||= !LEAVES_TABLES.test(text)
      return sql(text)
    },
    async begin() {
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      return open.add(connection, async (how) => {
        await connection[how]()
        // What it has locked by `lock tables` outlives a rollback.
        if (how === 'rollback') connection.destroy()
        else connection.release()
      })
    },
    async [Symbol.asyncDispose]() {
      await open.rollback()
      if (!isSpoilt && (await succeeds(empty()))) {
        shelf?.push(tablePrefix)
        await pool.end()
        return
      }
      const tables = await sql(
        `select table_name as name from information_schema.tables where table_schema = database() and table_name like '${tablePrefix.replace('_', '\\_')}%'`,
      )
      for (const { name } of tables) await sql(`drop table \`${name}\``)
      await pool.end()
    },
  }
}

async function placeOnSqlite(): Promise<Place> {
  demand('sqlite')
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-test-'))
  const file = join(folder, 'events.db')
  const connect = () => new Database(file, { timeout: 5_000 })
  const connection = connect()
  const open = new OpenTransactions()
  return {
    url: `sqlite:${file}`,
    options: {},
    table: (name) => `rowcast_${name}`,
    async sql(text) {
      const statement = connection.prepare(text)
      if (statement.reader) return statement.all() as Row[]
      statement.run()
      return []
    },
    async begin() {
      const database = connect()
      database.exec('begin immediate')
      return open.add(database, async (how) => {
        database.exec(how)
        database.close()
      })
    },
    async [Symbol.asyncDispose]() {
      await open.rollback()
      connection.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
