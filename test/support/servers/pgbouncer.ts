import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accountOf, findProgram, makeFolder, type OwnServer, runCommand, startServer } from './own-server.js'
import { probePostgres } from './postgres.js'

/** Debian's package, and the libraries it needs that a small system may lack. */
const PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7']
const CACHE = fileURLToPath(new URL('../../../.tmp/pgbouncer/', import.meta.url))

/**
 * Starts a PgBouncer of our own in transaction mode, in front of the Postgres that the URL names. Its `url` leads to the
 * same database through it.
 * @param poolSize how many connections to the server all its clients share
 */
export async function startPgBouncer(serverUrl: string, poolSize = 4): Promise<OwnServer> {
  const server = new URL(serverUrl)
  // It refuses to run as root.
  const account = accountOf('nobody')
  const folder = makeFolder('pgbouncer', account)
  const program = findPgBouncer(folder)
  const login = [`user=${server.username || 'postgres'}`, ...(server.password ? [`password=${server.password}`] : [])]
  const configure = (port: number) => `
[databases]
* = host=${server.hostname} port=${server.port || 5432} ${login.join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
`
  return startServer(
    {
      account,
      url: (port) => {
        const through = new URL(serverUrl)
        through.hostname = '127.0.0.1'
        through.port = String(port)
        return through.href
      },
      probe: probePostgres,
      command: (port) => {
        writeFileSync(join(folder, 'pgbouncer.ini'), configure(port))
        const libraries = `LD_LIBRARY_PATH=${program.libraries.join(':')}`
        return { file: 'env', args: [libraries, program.file, '-q', join(folder, 'pgbouncer.ini')] }
      },
    },
    folder,
  )
}

/** The one that is installed, or one unpacked from Debian's package, which needs no rights. */
function findPgBouncer(folder: string): { file: string; libraries: readonly string[] } {
  const installed = findProgram('pgbouncer', ['/usr/sbin', '/usr/local/sbin'])
  if (installed !== undefined) return { file: installed, libraries: [] }
  for (const file of downloadPackages()) runCommand('dpkg', ['-x', file, join(folder, 'root')])
  const libraries = join(folder, 'root/usr/lib')
  return {
    file: join(folder, 'root/usr/sbin/pgbouncer'),
    libraries: readdirSync(libraries).map((architecture) => join(libraries, architecture)),
  }
}

function downloadPackages(): readonly string[] {
  mkdirSync(CACHE, { recursive: true })
  const cached = () =>
    readdirSync(CACHE)
      .filter((file) => file.endsWith('.deb'))
      .map((file) => join(CACHE, file))
  if (cached().length === PACKAGES.length) return cached()
  const download = () => runCommand('apt-get', ['download', ...PACKAGES], { cwd: CACHE })
  try {
    if (!existsSync('/etc/debian_version')) throw new Error('this is not Debian')
    try {
      download()
    } catch {
      // The lists of packages may be missing or old.
      runCommand('apt-get', ['update'])
      download()
    }
    return cached()
  } catch (error) {
    throw new Error(
      `there is no pgbouncer on the path, and it cannot be downloaded (${error instanceof Error ? error.message : error}): install it, as by apt-get install pgbouncer`,
    )
  }
}
