import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { demand } from '../chosen.js'
import { fetchFromDebian, unpackedCommand } from './debian.js'
import { asRoot, FOLDERS, type Program, startProgram } from './mysql.js'
import { accountOf, findProgram, makeFolder, type OwnServer, runCommand } from './own-server.js'

/** Starts a MariaDB of our own: the one that is installed, else one of Debian unstable. */
export async function startMariadb(settings: readonly string[] = []): Promise<OwnServer> {
  demand('mariadb')
  return startInstalled(settings) ?? startUnpacked(settings)
}

function startInstalled(settings: readonly string[]): Promise<OwnServer> | undefined {
  const file = findProgram('mariadbd', FOLDERS)
  const install = findProgram('mariadb-install-db')
  if (file === undefined || install === undefined) return undefined
  const account = accountOf('mysql')
  const folder = makeFolder('mariadb', account)
  const data = join(folder, 'data')
  const options = [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
  runCommand(install, ['--no-defaults', ...options], { ...account, cwd: folder })
  return startProgram({ command: { file, args: ['--no-defaults'] }, account }, folder, data, settings)
}

/** Its own script for it would run the server without the libraries that came along. */
export function startUnpacked(settings: readonly string[]): Promise<OwnServer> {
  const root = fetchFromDebian(['mariadb-server-core'])
  const share = join(root, 'usr/share/mariadb')
  const { args, ...command } = unpackedCommand(root, 'usr/sbin/mariadbd')
  const options = [
    `--basedir=${join(root, 'usr')}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
    ...asRoot(),
  ]
  const program: Program = { command: { ...command, args: [...args, '--no-defaults', ...options] }, account: undefined }
  const folder = makeFolder('mariadb', undefined)
  const data = join(folder, 'data')
  mkdirSync(join(data, 'mysql'), { recursive: true })
  const files = ['mariadb_system_tables', 'mariadb_performance_tables', 'mariadb_system_tables_data']
  const scripts = files.map((name) => readFileSync(join(share, `${name}.sql`), 'utf8'))
  runCommand(command.file, [...program.command.args, '--bootstrap', `--datadir=${data}`, '--log-warnings=0'], {
    env: command.env,
    input: ['use mysql;', 'set @auth_root_socket = null, @skip_auth_anonymous = null;', ...scripts].join('\n'),
  })
  return startProgram(program, folder, data, settings)
}
