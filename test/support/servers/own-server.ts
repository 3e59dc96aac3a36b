import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe } from '../../../src/common/errors.js'
import { eventually } from '../wait.js'

/** A database server that this process started, on a port of its own; stopped and gone when disposed. */
export interface OwnServer extends AsyncDisposable {
  /** Where an administrator connects. */
  readonly url: string
  readonly port: number
  /** Stops it, at once or in good order; the data stay for `start`. */
  stop(how?: 'immediate' | 'orderly'): Promise<void>
  start(): Promise<void>
}

/** Who a server runs as: root may not be a database server. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** A command line, and the environment where it is not this process's own. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** How to run one kind of server. */
export interface ServerRecipe {
  /** The command line, given the port and the folder of its data. */
  command(port: number, folder: string): Command
  url(port: number): string
  /** Rejects until the server answers. */
  probe(url: string): Promise<unknown>
  readonly account: Account | undefined
  /** The signal that ends it at once; Postgres leaves processes behind when it is killed. @default SIGKILL */
  readonly immediate?: NodeJS.Signals
}

/** How long a server may take to come up or go down, in milliseconds. */
const PATIENCE_MS = 60_000
/** How much of what a server printed last an error repeats. */
const SAID_LENGTH = 2_000

/** Starts a server whose data folder is ready. */
export async function startServer(recipe: ServerRecipe, folder: string): Promise<OwnServer> {
  const port = await freePort()
  const url = recipe.url(port)
  let child: ChildProcess | undefined
  const server: OwnServer = {
    url,
    port,
    async start() {
      const { file, args, env } = recipe.command(port, folder)
      const started = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...recipe.account, ...(env && { env }) })
      child = started
      let said = ''
      const collect = (chunk: Buffer) => {
        said = (said + chunk).slice(-SAID_LENGTH)
      }
      for (const stream of [started.stdout, started.stderr]) stream.on('data', collect)
      let refusal: unknown
      const isUp = () =>
        recipe.probe(url).then(
          () => true,
          (error) => {
            refusal = error
            return false
          },
        )
      const isOver = async () => (await isUp()) || started.exitCode !== null
      const outcome = await eventually(PATIENCE_MS, isOver).catch(() => false)
      if (outcome && started.exitCode === null) return
      throw new Error(`${file} does not answer on ${port} (${describe(refusal)}): ${said}`)
    },
    async stop(how = 'orderly') {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child?.once('exit', resolve))
      // To Postgres SIGINT is the fast shutdown, which waits for nobody.
      child.kill(how === 'immediate' ? (recipe.immediate ?? 'SIGKILL') : 'SIGINT')
      if (how === 'orderly') child.kill('SIGTERM')
      await gone
    },
    async [Symbol.asyncDispose]() {
      await server.stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    await server.start()
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

export function makeFolder(name: string, account: Account | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), `rowcast-${name}-`))
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  return folder
}

/** Runs a command to its end; throws with what it printed when it fails. */
export function runCommand(file: string, args: readonly string[], options: object = {}): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: 'utf8', stdio: 'pipe', ...options })
  if (status === 0) return stdout
  throw new Error(`${file} ${args.join(' ')} failed: ${error?.message ?? stderr.slice(-2_000)}`)
}

/** The account of that name when this process is root; else this process's own. */
export function accountOf(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(runCommand('id', [flag, name]).trim())
  return { uid: id('-u'), gid: id('-g') }
}

/** A program on the path or in one of the folders; `*` stands for any one folder. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter)
  return [...folders.flatMap(expand), ...path].map((folder) => join(folder, name)).find(isExecutable)
}

function expand(pattern: string): readonly string[] {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return [pattern]
  try {
    const versions = readdirSync(before).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(before, version, after))
  } catch {
    return []
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** The same database by a port of this machine. */
export function throughPort(url: string, port: number): string {
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(port)
  return through.href
}
