/*
 * The contract on servers of several versions: `npm run matrix [-- PART]`, where PART is in a server's name. Each server is
 * fetched, started, and gone afterwards. Prints a table; ends with code 1 when a row has a failure.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe } from '../../src/errors.js'
import { type ServerName, VARIABLES } from '../support/chosen.js'
import { SERVERS } from '../support/servers/find.js'
import { startMariadb, startUnpacked } from '../support/servers/mariadb.js'
import { startMysql } from '../support/servers/mysql.js'
import type { OwnServer } from '../support/servers/own-server.js'
import { startEmbedded } from '../support/servers/postgres.js'

const RUNNER = fileURLToPath(new URL('../run.ts', import.meta.url))
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

/** The version that answered, and the last line of the tests' output. */
async function judge({ name, start }: Candidate): Promise<readonly [version: string, outcome: string]> {
  await using server = await start()
  const version = await SERVERS[name].probe(server.url)
  const env = { ...process.env, ROWCAST_TEST_ONLY: name, [VARIABLES[name]]: server.url }
  const child = spawn(process.execPath, ['--import', 'tsx', RUNNER, ...SUITES], {
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
  return [version, counted]
}

const part = process.argv[2] ?? ''
const rows: string[] = []
for (const candidate of CANDIDATES.filter(({ title }) => title.includes(part))) {
  const [version, outcome] = await judge(candidate).catch((error: unknown) => ['', describe(error)] as const)
  rows.push(`| ${candidate.title} | ${version} | ${process.version} | ${outcome} |`)
  console.log(rows.at(-1))
  if (!outcome.endsWith(' 0 failed')) process.exitCode = 1
}
console.log(['| server | version | Node | tests |', '| ------ | ------- | ---- | ----- |', ...rows].join('\n'))
