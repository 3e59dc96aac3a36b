/*
 * Which databases a run is about: all of them, unless `ROWCAST_TEST_ONLY` names some (`sqlite,postgres`). A test that comes
 * to one that is not chosen is left out, wherever in it that happens, and the runner says how often.
 */

/** Each is a kind of server or file of its own; what MySQL and MariaDB share is `TestDatabase.family`. */
export const NAMES = ['postgres', 'mariadb', 'mysql', 'sqlite'] as const
export type DatabaseName = (typeof NAMES)[number]
/** Those that are servers. */
export type ServerName = Exclude<DatabaseName, 'sqlite'>

/** Where the runner tells its test files which servers it found or started; a person may name them there, too. */
export const VARIABLES: Readonly<Record<ServerName, string>> = {
  postgres: 'ROWCAST_TEST_POSTGRES_URL',
  mariadb: 'ROWCAST_TEST_MARIADB_URL',
  mysql: 'ROWCAST_TEST_MYSQL_URL',
}

/** Thrown where a test comes to a database that is not chosen. */
export class LeftOut extends Error {}

/** @throws when the variable names something else */
export function chosen(only = process.env.ROWCAST_TEST_ONLY ?? ''): readonly DatabaseName[] {
  const wanted = only.split(',').flatMap((part) => part.trim() || [])
  const unknown = wanted.filter((name) => !NAMES.some((known) => known === name))
  if (unknown.length > 0) {
    throw new Error(`ROWCAST_TEST_ONLY names ${unknown.join(', ')}: it takes some of ${NAMES.join(', ')}`)
  }
  return wanted.length === 0 ? NAMES : NAMES.filter((name) => wanted.includes(name))
}

/** @throws {LeftOut} when the run is not about that database */
export function demand(name: DatabaseName): void {
  if (!chosen().includes(name)) throw new LeftOut(`${name} is not among ${process.env.ROWCAST_TEST_ONLY}`)
}
