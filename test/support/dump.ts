import pg from 'pg'
import { findProgram, runCommand } from './servers/own-server.js'
import { FOLDERS } from './servers/postgres.js'

/** Copies one schema to another server: by pg_dump and psql where they are, else row by row. */
export async function copyPostgres(from: string, schema: string, to: string): Promise<void> {
  const dump = findProgram('pg_dump', FOLDERS)
  const psql = findProgram('psql', FOLDERS)
  if (dump === undefined || psql === undefined) return copyRows(from, schema, to)
  const sql = runCommand(dump, ['--dbname', from, '--schema', schema, '--no-owner'])
  runCommand(psql, ['--dbname', to, '--quiet', '--set', 'ON_ERROR_STOP=1'], { input: sql })
}

/** The definition of the tables is the library's own; what a dump would bring besides is their rows. */
async function copyRows(from: string, schema: string, to: string): Promise<void> {
  const { EventChannel } = await import('../../src/index.js')
  const channel = await EventChannel.open(to, { backend: 'log', schema })
  await channel.close()
  const [source, target] = [from, to].map((connectionString) => new pg.Client({ connectionString }))
  if (source === undefined || target === undefined) return
  await Promise.all([source.connect(), target.connect()])
  const tables = await source.query<{ name: string }>('select tablename as name from pg_tables where schemaname = $1', [
    schema,
  ])
  for (const { name } of tables.rows) {
    const table = `${schema}.${name}`
    const { rows } = await source.query<{ rows: unknown }>(`select coalesce(json_agg(t), '[]') as rows from ${table} t`)
    await target.query(`delete from ${table}`)
    await target.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
      JSON.stringify(rows[0]?.rows),
    ])
  }
  await Promise.all([source.end(), target.end()])
}
