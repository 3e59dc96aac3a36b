import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { migrationSql as mysqlSql } from '../../src/engines/sql/mysql.js'
import { migrationSql as postgresSql } from '../../src/engines/sql/postgres.js'
import { migrationSql as sqliteSql } from '../../src/engines/sql/sqlite.js'
import type { Place, TestDatabase } from './databases.js'

type Family = TestDatabase['family']

const PRINTERS = { postgres: postgresSql, mysql: mysqlSql, sqlite: sqliteSql } as const

/** The migrations of a place as a person would have them printed. */
export function printedFor(database: TestDatabase, place: Place, from = 0): string {
  return PRINTERS[database.family]({ ...place.options, from })
}

/** Its statements one by one. */
export function statementsOf(printed: string): readonly string[] {
  return printed.split(/;\n/).filter((statement) => statement.trim() !== '')
}

const RUNNERS: Readonly<Record<Family, (url: string, script: string) => Promise<unknown>>> = {
  async postgres(url, script) {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(script).finally(() => client.end())
  },
  async mysql(url, script) {
    const connection = await createConnection({ uri: url, multipleStatements: true })
    await connection.query(script).finally(() => connection.end())
  },
  async sqlite(url, script) {
    const database = new Database(url.slice('sqlite:'.length))
    database.exec(script)
    database.close()
  },
}

/** Runs a script of several statements as a plain client of the database would. */
export async function runScript(database: TestDatabase, place: Place, script: string): Promise<void> {
  await RUNNERS[database.family](place.url, script)
}
