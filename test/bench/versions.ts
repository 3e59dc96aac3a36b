import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { loadRival, rivalVersions, versionOf } from './rivals/rivals.js'
import { redisUrl } from './stage.js'

const POSTGRES_SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size']
const MYSQL_SETTINGS = ['innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'innodb_buffer_pool_size', 'log_bin']
const REDIS_SETTINGS = ['appendonly', 'appendfsync', 'save']

type Facts = Readonly<Record<string, string>>

/** What ran, on what, set how: a figure means nothing without. */
export interface Versions {
  readonly machine: Facts
  readonly servers: Readonly<Record<string, Facts>>
  readonly packages: Facts
}

export async function readVersions(urls: {
  postgres: string
  mariadb: string
  mysql: string | undefined
}): Promise<Versions> {
  const [cpu] = cpus()
  return {
    machine: {
      cpu: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      node: process.version,
    },
    servers: {
      Postgres: await readPostgres(urls.postgres),
      MariaDB: await readMysql(urls.mariadb),
      ...(urls.mysql !== undefined && { MySQL: await readMysql(urls.mysql) }),
      SQLite: readSqlite(),
      Redis: await readRedis(),
    },
    packages: { ...own(), ...rivalVersions() },
  }
}

function own(): Facts {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const installed = ['pg', 'mysql2', 'better-sqlite3'].map((name) => [name, versionOf(`${root}node_modules/${name}/`)])
  return { rowcast: versionOf(root), ...Object.fromEntries(installed) }
}

async function readPostgres(url: string): Promise<Facts> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      `select 'version' as name, current_setting('server_version') as value
       union all select s, current_setting(s) from unnest($1::text[]) as s`,
      [POSTGRES_SETTINGS],
    )
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
  } finally {
    await client.end()
  }
}

async function readMysql(url: string): Promise<Facts> {
  const connection = await createConnection(url)
  try {
    const [rows] = await connection.query('show variables where variable_name in (?)', [['version', ...MYSQL_SETTINGS]])
    const variables = rows as { Variable_name: string; Value: string }[]
    return Object.fromEntries(variables.map(({ Variable_name, Value }) => [Variable_name, Value]))
  } finally {
    await connection.end()
  }
}

function readSqlite(): Facts {
  const database = new Database(':memory:')
  const version = String(database.prepare('select sqlite_version()').pluck().get())
  database.close()
  return { version, journal_mode: 'wal', synchronous: 'normal' }
}

interface RedisClient {
  info(section: string): Promise<string>
  config(verb: 'GET', name: string): Promise<readonly string[]>
  quit(): Promise<unknown>
}

async function readRedis(): Promise<Facts> {
  const { Redis } = await loadRival<{ Redis: new (url: string) => RedisClient }>('ioredis')
  const client = new Redis(redisUrl())
  const [, version = 'unknown'] = (await client.info('server')).match(/redis_version:(\S+)/) ?? []
  const settings: Record<string, string> = { version }
  for (const name of REDIS_SETTINGS) settings[name] = (await client.config('GET', name))[1] || 'none'
  await client.quit()
  return settings
}
