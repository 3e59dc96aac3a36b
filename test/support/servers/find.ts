import { randomBytes } from 'node:crypto'
import { askMysql, probeMysql, startMysql } from './mysql.js'
import type { OwnServer } from './own-server.js'
import { askPostgres, probePostgres, startPostgres } from './postgres.js'

/** A database of this run's own, dropped when disposed, on a server that was found or started. */
export interface RunDatabase extends AsyncDisposable {
  readonly url: string
  /** Where the server came from, for people. */
  readonly origin: string
}

interface Kind {
  readonly name: string
  readonly scheme: RegExp
  /** Environment variables that may name a server, in order. */
  readonly variables: readonly string[]
  /** Where one usually listens. `ROWCAST_TEST_NO_LOCAL=true` passes over it. */
  readonly local: string
  probe(url: string): Promise<void>
  ask(url: string, sql: string): Promise<void>
  start(): Promise<OwnServer>
}

export const POSTGRES: Kind = {
  name: 'Postgres',
  scheme: /^postgres(ql)?:/,
  variables: ['ROWCAST_TEST_POSTGRES_URL', 'POSTGRES_URL', 'DATABASE_URL'],
  local: 'postgres://postgres@127.0.0.1:5432/postgres',
  probe: probePostgres,
  ask: askPostgres,
  start: startPostgres,
}

export const MYSQL: Kind = {
  name: 'MariaDB',
  scheme: /^(mysql|mariadb):/,
  variables: ['ROWCAST_TEST_MYSQL_URL', 'MYSQL_URL', 'DATABASE_URL'],
  local: 'mysql://root@127.0.0.1:3306/mysql',
  probe: probeMysql,
  ask: askMysql,
  start: startMysql,
}

/**
 * Finds a server (environment, then the usual local port, then one of our own) and makes a database on it.
 * @throws when there is none to be had, naming everything that was tried
 */
export async function openRunDatabase(kind: Kind): Promise<RunDatabase> {
  const server = await findServer(kind)
  const name = `rowcast_test_${randomBytes(6).toString('hex')}`
  await kind.ask(server.url, `create database ${name}`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return {
    url: url.href,
    origin: server.origin,
    async [Symbol.asyncDispose]() {
      const force = kind === POSTGRES ? ' with (force)' : ''
      await kind.ask(server.url, `drop database if exists ${name}${force}`).finally(() => server.stop())
    },
  }
}

interface FoundServer {
  readonly url: string
  readonly origin: string
  stop(): Promise<void>
}

async function findServer(kind: Kind): Promise<FoundServer> {
  const tried: string[] = []
  for (const { url, origin } of candidates(kind)) {
    try {
      await kind.probe(url)
      return { url, origin, stop: async () => undefined }
    } catch (error) {
      tried.push(`${origin}: ${error instanceof Error ? error.message || error.name : error}`)
    }
  }
  try {
    const own = await kind.start()
    return {
      url: own.url,
      origin: `a server of our own on port ${own.port}`,
      stop: async () => own[Symbol.asyncDispose](),
    }
  } catch (error) {
    tried.push(`a server of our own: ${error instanceof Error ? error.message : error}`)
    const [variable] = kind.variables
    throw new Error(`no ${kind.name} to test with; tried\n  ${tried.join('\n  ')}\nSet ${variable} to the URL of one.`)
  }
}

function candidates(kind: Kind): readonly { url: string; origin: string }[] {
  const named = kind.variables.flatMap((variable) => {
    const url = process.env[variable]?.replace(/^mariadb:/, 'mysql:')
    return url !== undefined && kind.scheme.test(url) ? [{ url, origin: variable }] : []
  })
  const local =
    process.env.ROWCAST_TEST_NO_LOCAL === 'true' ? [] : [{ url: kind.local, origin: new URL(kind.local).host }]
  return [...named, ...local]
}
