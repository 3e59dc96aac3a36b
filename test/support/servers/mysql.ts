import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { demand } from '../chosen.js'
import { fetchFromDebian, unpackedCommand } from './debian.js'
import {
  type Account,
  accountOf,
  type Command,
  findProgram,
  makeFolder,
  type OwnServer,
  runCommand,
  startServer,
} from './own-server.js'

/*
 * What MySQL and MariaDB share: the driver, and how a server of them is run. MariaDB's own beginning is in mariadb.ts.
 */

/** Where servers are installed, off the path. */
export const FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin', '/usr/local/mysql/bin', '/opt/homebrew/bin']
/** Folders of data as a server makes them at first, which takes it ten seconds. */
const CACHE = fileURLToPath(new URL('../../../.tmp/data/', import.meta.url))

/** Where names are not looked up, an address is not `localhost`. */
const FIRST_SQL = `create user root@'127.0.0.1';
grant all on *.* to root@'127.0.0.1' with grant option;
`

/** Less to copy. */
const SMALL_LOG = '--innodb-redo-log-capacity=8M'

/** A server's program, and who runs it. */
export interface Program {
  readonly command: Command
  readonly account: Account | undefined
}

/** The version of the server that answers there, in its own words; rejects when none does. */
export async function versionOf(url: string): Promise<string> {
  return String((await askMysql(url, 'select version() as answer'))[0]?.answer)
}

/** Runs one statement on a connection of its own. */
export async function askMysql(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const connection = await createConnection({ uri: url, connectTimeout: 3_000 })
  connection.on('error', () => undefined)
  try {
    const [rows] = await connection.query(sql)
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
  } finally {
    await connection.end()
  }
}

/** Starts a MySQL of our own: the one that is installed, else one of Debian unstable. */
export async function startMysql(settings: readonly string[] = []): Promise<OwnServer> {
  demand('mysql')
  const program = installed() ?? unpacked()
  const { folder, data } = copyData(initialized(program), 'mysql', program.account)
  return startProgram(program, folder, data, ['--mysqlx=OFF', '--sync-binlog=0', ...settings])
}

/** Runs a server of either kind whose data are there. */
export function startProgram(
  { command, account }: Program,
  folder: string,
  data: string,
  settings: readonly string[],
): Promise<OwnServer> {
  return startServer(
    {
      account,
      url: (port) => `mysql://root@127.0.0.1:${port}/mysql`,
      probe: versionOf,
      command: (port) => ({
        ...command,
        args: [
          ...command.args,
          `--datadir=${data}`,
          // A server that starts deletes what it finds of temporary tables there, another's too.
          `--tmpdir=${folder}`,
          `--port=${port}`,
          `--socket=${join(folder, 'socket')}`,
          `--pid-file=${join(folder, 'pid')}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          // What is committed outlives the server, which tests kill, though not the machine.
          '--innodb-flush-log-at-trx-commit=2',
          ...settings,
        ],
      }),
    },
    folder,
  )
}

/** MariaDB brings a `mysqld`, too. */
function installed(): Program | undefined {
  const file = findProgram('mysqld', FOLDERS)
  if (file === undefined || /MariaDB/i.test(runCommand(file, ['--version']))) return undefined
  return { command: { file, args: ['--no-defaults'] }, account: accountOf('mysql') }
}

function unpacked(): Program {
  const root = fetchFromDebian(['mysql-server-core'])
  const { args, ...command } = unpackedCommand(root, 'usr/sbin/mysqld')
  const options = [
    `--basedir=${join(root, 'usr')}`,
    `--lc-messages-dir=${join(root, 'usr/share/mysql')}`,
    `--plugin-dir=${join(root, 'usr/lib/mysql/plugin')}`,
    '--secure-file-priv=NULL',
    ...asRoot(),
  ]
  return { command: { ...command, args: [...args, '--no-defaults', ...options] }, account: undefined }
}

/** Root may run a server only where it says that it means to. */
export function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

/** A folder of data as MySQL makes it at first. */
function initialized({ command, account }: Program): string {
  const environment = { env: command.env ?? process.env }
  const version = runCommand(command.file, [...command.args, '--version'], environment)
  return initialData(version.replace(/.*Ver (\S+).*/s, 'mysql-$1'), account, (folder) => {
    const [data, first] = [join(folder, 'data'), join(folder, 'first.sql')]
    writeFileSync(first, FIRST_SQL)
    const settings = [
      '--initialize-insecure',
      `--datadir=${data}`,
      `--init-file=${first}`,
      `--tmpdir=${folder}`,
      SMALL_LOG,
    ]
    runCommand(command.file, [...command.args, ...settings], { ...account, ...environment })
    // The name of one server; each gets its own.
    rmSync(join(data, 'auto.cnf'))
    return data
  })
}

/**
 * A folder of data as a server makes it at first, which takes seconds: made once, and copied for each server.
 * @param name of the server's kind and version
 * @param make makes it in an empty folder, and returns where; what it runs must keep its temporary files there, too
 */
export function initialData(name: string, account: Account | undefined, make: (folder: string) => string): string {
  const kept = join(CACHE, name)
  if (existsSync(kept)) return kept
  mkdirSync(CACHE, { recursive: true })
  const folder = makeFolder('first', account)
  const ready = mkdtempSync(join(CACHE, 'making-'))
  try {
    cpSync(make(folder), ready, { recursive: true })
    renameSync(ready, kept)
  } catch (error) {
    // Another run may have been quicker.
    if (!existsSync(kept)) throw error
  } finally {
    for (const made of [folder, ready]) rmSync(made, { recursive: true, force: true })
  }
  return kept
}

/** A folder with such data of its own, for the account that runs the server. */
export function copyData(from: string, kind: string, account: Account | undefined): { folder: string; data: string } {
  const folder = makeFolder(kind, account)
  const data = join(folder, 'data')
  cpSync(from, data, { recursive: true })
  if (account !== undefined) runCommand('chown', ['-R', `${account.uid}:${account.gid}`, data])
  return { folder, data }
}
