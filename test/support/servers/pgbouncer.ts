import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountOf, makeFolder, type OwnServer, startServer, throughPort } from './own-server.js'
import { findPackaged } from './packaged.js'
import { probePostgres } from './postgres.js'

/** Debian's package, and the libraries it needs that a small system may lack. */
const PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7']

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
  const program = findPackaged('pgbouncer', PACKAGES, folder)
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
      url: (port) => throughPort(serverUrl, port),
      probe: probePostgres,
      command: (port) => {
        const file = join(folder, 'pgbouncer.ini')
        writeFileSync(file, configure(port))
        return { file: program.file, args: [...program.args, '-q', file] }
      },
    },
    folder,
  )
}
