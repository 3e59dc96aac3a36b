import { randomBytes } from 'node:crypto'
import type { Login, Place } from './databases.js'
import { eventually } from './wait.js'

/** A name for one test's connections, to find them by in the server's list. */
export function uniqueService(): string {
  return `svc${randomBytes(6).toString('hex')}`
}

/** A login that may connect and nothing else, unless it is granted more. Gone when disposed. */
export async function bareRole(place: Place): Promise<Login> {
  const name = `role${randomBytes(6).toString('hex')}`
  await place.sql(`create role ${name} login password 'bare'`)
  const url = new URL(place.url)
  url.username = name
  url.password = 'bare'
  return {
    url: url.href,
    async grantRows() {
      const schema = place.options.schema
      await place.sql(`grant usage on schema ${schema} to ${name}`)
      await place.sql(`grant select, insert, update, delete on all tables in schema ${schema} to ${name}`)
    },
    async [Symbol.asyncDispose]() {
      await place.sql(`drop owned by ${name}`)
      await place.sql(`drop role ${name}`)
    },
  }
}

/** What connections of this service the server has, by their application names. */
export async function connectionsOf(place: Place, serviceName: string): Promise<string[]> {
  const rows = await place.sql(
    `select application_name from pg_stat_activity where application_name like '${serviceName}%' order by 1`,
  )
  return rows.map((row) => String(row.application_name))
}

/** Ends connections by their application name, and waits until the server has let go of them. */
export async function terminate(place: Place, applicationName: string): Promise<void> {
  const named = `from pg_stat_activity where application_name = '${applicationName}'`
  const ended = await place.sql(`select pid, pg_terminate_backend(pid) ${named}`)
  if (ended.length === 0) throw new Error(`no connection is named ${applicationName}`)
  const pids = ended.map((row) => row.pid).join(', ')
  await eventually(
    5_000,
    async () => (await place.sql(`select 1 from pg_stat_activity where pid in (${pids})`)).length === 0,
  )
}

/** Whether a table of rowcast's is there. */
export async function hasTable(place: Place, name: string): Promise<boolean> {
  const [row] = await place.sql(`select to_regclass('${place.table(name)}') is not null as found`)
  return row?.found === true
}

/** Notifies as any role of the database may, on whatever topic. */
export async function notify(place: Place, topic: string, text: string): Promise<void> {
  const quote = (value: string) => `'${value.replaceAll("'", "''")}'`
  await place.sql(`select pg_notify(${quote(topic)}, ${quote(text)})`)
}
