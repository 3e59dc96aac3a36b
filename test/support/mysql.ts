import { randomBytes } from 'node:crypto'
import type { Login, Place } from './databases.js'

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
