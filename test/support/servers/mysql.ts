import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { accountOf, findProgram, makeFolder, type OwnServer, runCommand, startServer } from './own-server.js'

const FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin']

/** Rejects unless MySQL or MariaDB answers there. */
export async function probeMysql(url: string): Promise<void> {
  await askMysql(url, 'select 1')
}

/** Runs one statement on a connection of its own. */
export async function askMysql(url: string, sql: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 3_000 })
  connection.on('error', () => undefined)
  try {
    await connection.query(sql)
  } finally {
    await connection.end()
  }
}

/** Starts a MariaDB of our own; installs Debian's package first where there is none and we may. */
export async function startMysql(settings: readonly string[] = []): Promise<OwnServer> {
  if (findServer() === undefined) installServer()
  const mysqld = findServer()
  if (mysqld === undefined) throw new Error('mariadb-server was installed, but there is no mariadbd')
  const account = accountOf('mysql')
  const folder = makeFolder('mysql', account)
  const data = join(folder, 'data')
  initialize(mysqld, data, account)
  return startServer(
    {
      account,
      url: (port) => `mysql://root@127.0.0.1:${port}/mysql`,
      probe: probeMysql,
      command: (port) => ({
        file: mysqld,
        args: [
          '--no-defaults',
          `--datadir=${data}`,
          `--port=${port}`,
          `--socket=${join(folder, 'socket')}`,
          `--pid-file=${join(folder, 'pid')}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          ...settings,
        ],
      }),
    },
    folder,
  )
}

function findServer(): string | undefined {
  return findProgram('mariadbd', FOLDERS) ?? findProgram('mysqld', FOLDERS)
}

/** MariaDB has a program for it, MySQL an option of its server. */
function initialize(mysqld: string, data: string, account: object | undefined): void {
  const install = findProgram('mariadb-install-db')
  if (install === undefined) {
    runCommand(mysqld, ['--no-defaults', '--initialize-insecure', `--datadir=${data}`], account)
    return
  }
  const options = [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
  runCommand(install, ['--no-defaults', ...options], { ...account, cwd: join(data, '..') })
}

function installServer(): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error('there is no mariadbd or mysqld, and only root on Debian can install one')
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  runCommand('apt-get', ['update'], { env })
  runCommand('apt-get', ['install', '-y', '--no-install-recommends', 'mariadb-server'], { env })
}
