import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { demand } from '../chosen.js'
import { fetchFromDebian, unpackedCommand } from './debian.js'
import { asRoot, copyData, FOLDERS, initialData, type Program, startProgram } from './mysql.js'
import { accountOf, findProgram, type OwnServer, runCommand } from './own-server.js'

/** Less to copy. */
const SMALL_LOG = '--innodb-log-file-size=8M'

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
  const name = nameOf(runCommand(file, ['--no-defaults', '--version']))
  const first = initialData(name, account, (folder) => {
    const data = join(folder, 'data')
    const options = [`--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    // A server that starts deletes what it finds of temporary tables where it keeps its own, another's too: that crashes the other.
    runCommand(install, ['--no-defaults', ...options, `--tmpdir=${folder}`, SMALL_LOG], { ...account, cwd: folder })
    return data
  })
  const { folder, data } = copyData(first, 'mariadb', account)
  return startProgram({ command: { file, args: ['--no-defaults'] }, account }, folder, data, [SMALL_LOG, ...settings])
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
  const name = nameOf(runCommand(command.file, [...program.command.args, '--version'], { env: command.env }))
  const first = initialData(name, undefined, (folder) => {
    const data = join(folder, 'data')
    mkdirSync(join(data, 'mysql'), { recursive: true })
    const files = ['mariadb_system_tables', 'mariadb_performance_tables', 'mariadb_system_tables_data']
    const scripts = files.map((file) => readFileSync(join(share, `${file}.sql`), 'utf8'))
    const options = ['--bootstrap', `--datadir=${data}`, `--tmpdir=${folder}`, '--log-warnings=0', SMALL_LOG]
    runCommand(command.file, [...program.command.args, ...options], {
      env: command.env,
      input: ['use mysql;', 'set @auth_root_socket = null, @skip_auth_anonymous = null;', ...scripts].join('\n'),
    })
    return data
  })
  const { folder, data } = copyData(first, 'mariadb', undefined)
  return startProgram(program, folder, data, [SMALL_LOG, ...settings])
}

function nameOf(version: string): string {
  return version.replace(/.*?([\d.]+)-MariaDB.*/s, 'mariadb-$1')
}
