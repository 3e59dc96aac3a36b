import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Login, Place } from './databases.js'

/** The list of them cannot be read while any statement on the server holds an emoji, which its character set has not. */
const CANNOT_CONVERT = 3854
const AGAIN_MS = 5

/** The connections that fit a condition on `information_schema.processlist`, but for the asking one. */
export async function findProcesses(sql: Place['sql'], condition: string): Promise<readonly number[]> {
  const text = `select id as id from information_schema.processlist where id <> connection_id() and ${condition}`
  for (;;) {
    try {
      return (await sql(text)).map(({ id }) => Number(id))
    } catch (error) {
      if ((error as { errno?: number }).errno !== CANNOT_CONVERT) throw error
      await sleep(AGAIN_MS)
    }
  }
}

/** A login that may see the place's database and nothing in it, unless it is granted more. Gone when disposed. */
export async function bareUser(place: Place): Promise<Login> {
  const name = `user${randomBytes(6).toString('hex')}`
  const url = new URL(place.url)
  const database = url.pathname.slice(1)
  await place.sql(`create user ${name}@'%' identified by 'bare'`)
  // What a database is called is told to those only who may do something in it.
  await place.sql(`grant create temporary tables on ${database}.* to ${name}@'%'`)
  url.username = name
  url.password = 'bare'
  return {
    url: url.href,
    async grantRows() {
      await place.sql(`grant select, insert, update, delete on ${database}.* to ${name}@'%'`)
    },
    async [Symbol.asyncDispose]() {
      await place.sql(`drop user ${name}@'%'`)
    },
  }
}
