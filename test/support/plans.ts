import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { mysqlDialect } from '../../src/engines/sql/databases/mysql/dialect.js'
import { postgresDialect } from '../../src/engines/sql/databases/postgres/dialect.js'
import { sqliteDialect } from '../../src/engines/sql/databases/sqlite/dialect.js'
import { bind, type Dialect, elementsOf, type Parameters, type Statement } from '../../src/engines/sql/statements.js'
import type { Place, TestDatabase } from './databases.js'

/** How a statement comes to the rows of one of our tables. */
export interface Access {
  /** By its whole key; some rows next to each other, in the order of an index, as many as asked for; or anything else. */
  readonly kind: 'lookup' | 'range' | 'scan' | 'sort'
  /** As the database says it. */
  readonly said: string
}

/** Asks one database how it would run statements. */
export interface Planner extends AsyncDisposable {
  readonly dialect: Dialect
  explain(statement: Statement, parameters: Parameters): Promise<readonly Access[]>
}

/** The equality that makes a condition a whole key. */
const WHOLE_KEY = /\b(id|dedupe_key) ?=/

export function openPlanner(database: TestDatabase, place: Place): Promise<Planner> {
  return { postgres: planOnPostgres, mysql: planOnMysql, sqlite: planOnSqlite }[database.family](place)
}

interface Node {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly Operation?: string
  readonly Plans?: readonly Node[]
}

async function planOnPostgres(place: Place): Promise<Planner> {
  const client = new pg.Client({ connectionString: place.url })
  await client.connect()
  return {
    dialect: postgresDialect(place.options.schema ?? ''),
    async explain(statement, parameters) {
      const { rows } = await client.query(`explain (format json) ${statement.text}`, bind(statement, parameters))
      return readNode(rows[0]['QUERY PLAN'][0].Plan, [])
    },
    async [Symbol.asyncDispose]() {
      await client.end()
    },
  }
}

function readNode(node: Node, above: readonly string[]): readonly Access[] {
  const type = node['Node Type']
  const below = (node.Plans ?? []).flatMap((child) => readNode(child, [...above, type]))
  if (node['Relation Name'] === undefined || type === 'ModifyTable') return below
  return [{ kind: kindOf(node, above), said: `${above.join(' > ')} > ${type}: ${node['Index Cond']}` }, ...below]
}

function kindOf(node: Node, above: readonly string[]): Access['kind'] {
  const condition = node['Index Cond'] ?? node.Plans?.[0]?.['Index Cond'] ?? ''
  if (node['Node Type'] === 'Tid Scan' || WHOLE_KEY.test(condition)) return 'lookup'
  const upTo = above.slice(above.lastIndexOf('Limit'))
  if (above.some((type) => /Sort$/.test(type)) && upTo.some((type) => /Sort$/.test(type))) return 'sort'
  return condition !== '' && above.includes('Limit') ? 'range' : 'scan'
}

async function planOnMysql(place: Place): Promise<Planner> {
  const connection = await createConnection({ uri: place.url, charset: 'utf8mb4' })
  return {
    dialect: mysqlDialect(place.options.tablePrefix ?? ''),
    async explain(statement, parameters) {
      const [rows] = await connection.query(
        `explain format = traditional ${statement.text}`,
        bind(statement, parameters),
      )
      return (rows as Readonly<Record<string, string | null>>[]).flatMap((row) => {
        const extra = row.Extra ?? ''
        // What is made on the way is as long as the list that was given, or shorter.
        if (row.table === null || row.table?.startsWith('<') || /Table function/.test(extra)) return []
        const isInserted = row.select_type === 'INSERT' || (row.type === 'ALL' && row.rows === null)
        const access = `${row.type} ${row.ref ?? ''}`
        return isInserted ? [] : [{ kind: kindOnMysql(access, extra), said: JSON.stringify(row) }]
      })
    },
    async [Symbol.asyncDispose]() {
      await connection.end()
    },
  }
}

function kindOnMysql(access: string, extra: string): Access['kind'] {
  if (/filesort|temporary/.test(extra)) return 'sort'
  if (/^(eq_ref|const) |\.(id|dedupe_key)$/.test(access)) return 'lookup'
  return /^(ref|range) /.test(access) ? 'range' : 'scan'
}

async function planOnSqlite(place: Place): Promise<Planner> {
  const database = new Database(place.url.slice('sqlite:'.length))
  return {
    dialect: sqliteDialect('rowcast_'),
    async explain(statement, parameters) {
      const values = bind(statement, parameters).map(toSqlite)
      const [element = {}] = elementsOf(statement, parameters)
      for (const { index, field } of statement.fields) values[index] = element[field]
      const plan = database.prepare(`explain query plan ${statement.text}`).all(values)
      const said = (plan as { detail: string }[]).map(({ detail }) => detail)
      return said.flatMap((detail, index) => readDetail(detail, said[index - 1]))
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}

/** Lists that were given, and lists made of them or of what was found. */
const LIST = /^SCAN (deliveries|r|h)\b/

function readDetail(said: string, before = ''): readonly Access[] {
  if (/TEMP B-TREE FOR (ORDER BY|GROUP BY)/.test(said)) return LIST.test(before) ? [] : [{ kind: 'sort', said }]
  if (/^SEARCH \w+ USING .*(INDEX|KEY)/.test(said)) return [{ kind: WHOLE_KEY.test(said) ? 'lookup' : 'range', said }]
  if (!/^SCAN /.test(said) || /VIRTUAL TABLE|CONSTANT ROW|SUBQUERY/.test(said) || LIST.test(said)) return []
  return [{ kind: 'scan', said }]
}

function toSqlite(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value
}
