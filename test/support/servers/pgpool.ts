import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountOf, makeFolder, type OwnServer, startServer, throughPort } from './own-server.js'
import { findPackaged } from './packaged.js'
import { probePostgres } from './postgres.js'

/** Debian's package, and the libraries it needs that a small system may lack. */
const PACKAGES = [
  'pgpool2',
  'libpgpool2',
  'libmemcached11',
  'libhashkit2',
  'libpq5',
  'libldap-2.5-0',
  'libsasl2-2',
  'libevent-2.1-7',
]

/**
 * Starts a pgpool of our own in front of the Postgres that the URL names, which needs no password. Its `url` leads to the same
 * database through it.
 * @param settings lines of `pgpool.conf`
 */
export async function startPgpool(serverUrl: string, settings: readonly string[]): Promise<OwnServer> {
  const server = new URL(serverUrl)
  const account = accountOf('nobody')
  const folder = makeFolder('pgpool', account)
  const program = findPackaged('pgpool', PACKAGES, folder)
  const configure = (port: number) => [
    `listen_addresses = '127.0.0.1'`,
    `port = ${port}`,
    `socket_dir = '${folder}'`,
    // Its own administrators get no port.
    `pcp_listen_addresses = ''`,
    `pcp_socket_dir = '${folder}'`,
    `pid_file_name = '${join(folder, 'pid')}'`,
    `work_dir = '${folder}'`,
    `logdir = '${folder}'`,
    `memqcache_oiddir = '${folder}'`,
    `memqcache_total_size = '1MB'`,
    `backend_hostname0 = '${server.hostname}'`,
    `backend_port0 = ${server.port || 5432}`,
    `num_init_children = 24`,
    `sr_check_user = '${server.username || 'postgres'}'`,
    ...settings,
  ]
  return startServer(
    {
      account,
      // Killed, it would leave processes and memory behind.
      immediate: 'SIGQUIT',
      url: (port) => throughPort(serverUrl, port),
      probe: probePostgres,
      command: (port) => {
        const write = (name: string, text: string) => {
          const file = join(folder, name)
          writeFileSync(file, text)
          if (account !== undefined) chownSync(file, account.uid, account.gid)
          return file
        }
        const files = [
          ...['-f', write('pgpool.conf', `${configure(port).join('\n')}\n`)],
          ...['-F', write('pcp.conf', '')],
          ...['-a', write('pool_hba.conf', '')],
        ]
        return { file: program.file, args: [...program.args, '-n', ...files] }
      },
    },
    folder,
  )
}
