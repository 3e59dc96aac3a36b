/*
 * The contract on servers and with Nodes of several versions: `npm run matrix [-- PART]`, where PART is in a row's title. Each
 * server is fetched, started, and gone afterwards. Prints a table; ends with code 1 when a row has a failure.
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from '../../src/common/errors.js'
import { type ServerName, VARIABLES } from '../support/chosen.js'
import { SERVERS } from '../support/servers/find.js'
import { startMariadb, startUnpacked } from '../support/servers/mariadb.js'
import { startMysql } from '../support/servers/mysql.js'
import type { OwnServer } from '../support/servers/own-server.js'
import { startEmbedded } from '../support/servers/postgres.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SUITES = ['contract', 'backends/notify', 'backends/log']
/** Newest of each that npm has. */
const POSTGRES = [
  '13.23.0-beta.16',
  '14.23.0-beta.17',
  '15.18.0-beta.17',
  '16.14.0-beta.17',
  '17.10.0-beta.17',
  '18.4.0-beta.17',
]

/** Besides the one that runs this. */
const NODES = [22, 24]

interface Verdict {
  readonly version: string
  readonly node: string
  readonly outcome: string
}

interface Candidate {
  readonly name: ServerName
  readonly title: string
  start(): Promise<OwnServer>
}

const CANDIDATES: readonly Candidate[] = [
  ...POSTGRES.map((version) => ({
    name: 'postgres' as const,
    title: `postgres ${version.split('.')[0]}`,
    start: () => startEmbedded(version),
  })),
  { name: 'mariadb', title: 'mariadb as installed', start: () => startMariadb() },
  { name: 'mariadb', title: 'mariadb of Debian unstable', start: () => startUnpacked([]) },
  { name: 'mysql', title: 'mysql', start: () => startMysql() },
]

/** What the suites came to, in the last line but one of their output. */
async function runSuites(project: string, program: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, ['--import', 'tsx', join('test', 'run.ts'), ...SUITES], {
    cwd: project,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  await new Promise((resolve) => child.once('close', resolve))
  const counted = /^\d+ passed, \d+ failed$/m.exec(output)?.[0] ?? 'did not end'
  if (!counted.endsWith(' 0 failed')) console.log(output)
  return counted
}

/** One kind of server, with the Node that runs this. */
async function judgeServer({ name, start }: Candidate): Promise<Verdict> {
  await using server = await start()
  const version = await SERVERS[name].probe(server.url)
  const env = { ...process.env, ROWCAST_TEST_ONLY: name, [VARIABLES[name]]: server.url }
  return { version, node: process.version, outcome: await runSuites(ROOT, process.execPath, env) }
}

/** Another Node, from npm, with a copy of the project of its own, since the SQLite driver is built for one Node; on all databases. */
async function judgeNode(major: number): Promise<Verdict> {
  const folder = join(ROOT, '.tmp', 'matrix', `node-${major}`)
  const [runtime, project] = [join(folder, 'runtime'), join(folder, 'project')]
  const name = `node-${process.platform}-${process.arch}`
  const npm = (prefix: string, env: NodeJS.ProcessEnv, ...args: string[]) =>
    execFileSync('npm', [...args, '--no-audit', '--no-fund'], {
      cwd: prefix,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  mkdirSync(runtime, { recursive: true })
  npm(runtime, process.env, 'install', '--prefix', runtime, `${name}@${major}`)
  rmSync(project, { recursive: true, force: true })
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean)
  for (const file of files) cpSync(join(ROOT, file), join(project, file))
  const home = join(runtime, 'node_modules', name)
  const program = join(home, 'bin', 'node')
  const path = [join(home, 'bin'), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path, npm_config_nodedir: home }
  npm(project, env, 'ci')
  const node = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
  return { version: 'as npm test finds them', node, outcome: await runSuites(project, program, env) }
}

const CASES = [
  ...CANDIDATES.map((candidate) => ({ title: candidate.title, judge: () => judgeServer(candidate) })),
  ...NODES.map((major) => ({ title: `all, with Node ${major}`, judge: () => judgeNode(major) })),
]

const part = process.argv[2] ?? ''
const rows: string[] = []
for (const { title, judge } of CASES.filter((each) => each.title.includes(part))) {
  const failed = (error: unknown): Verdict => ({ version: '', node: '', outcome: describe(error) })
  const { version, node, outcome } = await judge().catch(failed)
  rows.push(`| ${title} | ${version} | ${node} | ${outcome} |`)
  console.log(rows.at(-1))
  if (!outcome.endsWith(' 0 failed')) process.exitCode = 1
}
console.log(['| server | version | Node | tests |', '| ------ | ------- | ---- | ----- |', ...rows].join('\n'))
