import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the demo's events are: a file, a schema or tables of its own, gone when disposed. */
export interface Place extends AsyncDisposable {
  readonly url: string
  /** For people. */
  readonly title: string
  [Symbol.asyncDispose](): Promise<void>
}

const OWN_NAME = `rowcast_demo_${process.pid}`

/** Sets `ROWCAST_SCHEMA` and `ROWCAST_TABLE_PREFIX`, so that this process and its children meet there. */
export function makePlace(url = process.env.ROWCAST_URL): Place {
  if (url === undefined || url === '') return makeFile()
  process.env.ROWCAST_SCHEMA = OWN_NAME
  process.env.ROWCAST_TABLE_PREFIX = `${OWN_NAME}_`
  if (/^postgres(ql)?:/.test(url)) {
    return { url, title: `Postgres, schema ${OWN_NAME}`, [Symbol.asyncDispose]: () => dropSchema(url) }
  }
  if (/^(mysql|mariadb):/.test(url)) {
    return { url, title: `MySQL or MariaDB, tables ${OWN_NAME}_*`, [Symbol.asyncDispose]: () => dropTables(url) }
  }
  return { url, title: url, async [Symbol.asyncDispose]() {} }
}

function makeFile(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-demo-'))
  return {
    url: `sqlite:${join(folder, 'events.db')}`,
    title: `SQLite, file ${join(folder, 'events.db')}`,
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function dropSchema(url: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`drop schema if exists ${OWN_NAME} cascade`)
  await client.end()
}

async function dropTables(url: string): Promise<void> {
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection(url.replace(/^mariadb:/, 'mysql:'))
  const [tables] = await connection.query('show tables')
  const names = (tables as object[]).map((row) => String(Object.values(row)[0]))
  for (const name of names.filter((each) => each.startsWith(`${OWN_NAME}_`))) {
    await connection.query(`drop table \`${name}\``)
  }
  await connection.end()
}
