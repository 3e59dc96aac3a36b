import { randomBytes } from 'node:crypto'
import { describe } from '../../../src/common/errors.js'
import { demand, type ServerName, VARIABLES } from '../chosen.js'
import { startMariadb } from './mariadb.js'
import { askMysql, startMysql, versionOf } from './mysql.js'
import type { OwnServer } from './own-server.js'
import { askPostgres, probePostgres, startPostgres } from './postgres.js'

/** A database of this run's own, dropped when disposed, on a server that was found or started. */
export interface RunDatabase extends AsyncDisposable {
  readonly url: string
  /** Where the server came from, for people. */
  readonly origin: string
}

interface Kind {
  readonly name: ServerName
  readonly title: string
  readonly scheme: RegExp
  /** Environment variables that may name a server, in order; what answers there may still be the other kind. */
  readonly variables: readonly [string, ...string[]]
  /** Where one usually listens. `ROWCAST_TEST_NO_LOCAL=true` passes over it. */
  readonly local: readonly string[]
  /** The version of what answers there; rejects when it is another kind. */
  probe(url: string): Promise<string>
  ask(url: string, sql: string): Promise<unknown>
  /** Starts one of the test's own. */
  start(settings?: readonly string[]): Promise<OwnServer>
  readonly forced: string
}

/** MySQL and MariaDB are reached alike; who answers tells which it is. */
const FAMILY = {
  scheme: /^(mysql|mariadb):/,
  local: ['mysql://root@127.0.0.1:3306/mysql', 'mysql://root@127.0.0.1:3307/mysql'],
  ask: askMysql,
  forced: '',
}

export const SERVERS: Readonly<Record<ServerName, Kind>> = {
  postgres: {
    name: 'postgres',
    title: 'Postgres',
    scheme: /^postgres(ql)?:/,
    variables: [VARIABLES.postgres, 'POSTGRES_URL', 'DATABASE_URL'],
    local: ['postgres://postgres@127.0.0.1:5432/postgres'],
    probe: probePostgres,
    ask: askPostgres,
    start: startPostgres,
    forced: ' with (force)',
  },
  mariadb: {
    ...FAMILY,
    name: 'mariadb',
    title: 'MariaDB',
    variables: [VARIABLES.mariadb, 'MARIADB_URL', 'MYSQL_URL', 'DATABASE_URL', VARIABLES.mysql],
    probe: (url) => expectVersion(url, (version) => /mariadb/i.test(version)),
    start: startMariadb,
  },
  mysql: {
    ...FAMILY,
    name: 'mysql',
    title: 'MySQL',
    variables: [VARIABLES.mysql, 'MYSQL_URL', 'DATABASE_URL'],
    probe: (url) => expectVersion(url, (version) => !/mariadb/i.test(version)),
    start: startMysql,
  },
}

async function expectVersion(url: string, isIt: (version: string) => boolean): Promise<string> {
  const version = await versionOf(url)
  if (!isIt(version)) throw new Error(`${version} answers there`)
  return version
}

/**
 * Finds a server (environment, then the usual local ports, then one of our own) and makes a database on it.
 * @throws when there is none to be had, naming everything that was tried
 * @throws {LeftOut} when this run is not about it
 */
export async function openRunDatabase(name: ServerName): Promise<RunDatabase> {
  demand(name)
  const kind = SERVERS[name]
  const server = await findServer(kind)
  const database = `rowcast_test_${randomBytes(6).toString('hex')}`
  await kind.ask(server.url, `create database ${database}`)
  const url = new URL(server.url)
  url.pathname = `/${database}`
  return {
    url: url.href,
    origin: server.origin,
    async [Symbol.asyncDispose]() {
      await kind.ask(server.url, `drop database if exists ${database}${kind.forced}`).finally(() => server.stop())
    },
  }
}

/** Databases of a run's own on several servers, and the environment that tells others of them. */
export class RunDatabases implements AsyncDisposable {
  readonly environment: NodeJS.ProcessEnv = {}
  #opened: RunDatabase[] = []

  async open(name: ServerName): Promise<RunDatabase> {
    const opened = await openRunDatabase(name)
    this.#opened.push(opened)
    this.environment[VARIABLES[name]] = opened.url
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const outcomes = await Promise.allSettled(this.#opened.splice(0).map((each) => each[Symbol.asyncDispose]()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason)
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
      const version = await kind.probe(url)
      return { url, origin: `${version} at ${origin}`, stop: async () => undefined }
    } catch (error) {
      tried.push(`${origin}: ${describe(error)}`)
    }
  }
  try {
    const own = await kind.start()
    return {
      url: own.url,
      origin: `${await kind.probe(own.url)}, a server of our own on port ${own.port}`,
      stop: async () => own[Symbol.asyncDispose](),
    }
  } catch (error) {
    tried.push(`a server of our own: ${describe(error)}`)
    const [variable] = kind.variables
    throw new Error(
      `no ${kind.title} to test with; tried\n  ${tried.join('\n  ')}\nSet ${variable} to the URL of one, or test less: ROWCAST_TEST_ONLY=sqlite,postgres.`,
    )
  }
}

function candidates(kind: Kind): readonly { url: string; origin: string }[] {
  const named = kind.variables.flatMap((variable) => {
    const url = process.env[variable]?.replace(/^mariadb:/, 'mysql:')
    return url !== undefined && kind.scheme.test(url) ? [{ url, origin: variable }] : []
  })
  const local =
    process.env.ROWCAST_TEST_NO_LOCAL === 'true' ? [] : kind.local.map((url) => ({ url, origin: new URL(url).host }))
  return [...named, ...local]
}
