import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.js'

const test = suite('the package')
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BIN = join(ROOT, 'node_modules', '.bin')
const ENTRIES = ['rowcast', 'rowcast/postgres', 'rowcast/mysql', 'rowcast/sqlite']
const PATIENCE_MS = 150_000

function run(file: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${error?.message ?? `${stdout}\n${stderr}`}`)
  return stdout
}

/** The tarball as npm would publish it, made once. */
function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-pack-'))
  // The test command has built dist already, and other tests are running from it.
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], ROOT)
  const [file = ''] = readdirSync(folder)
  return join(folder, file)
}

/** An empty project with the tarball installed, and none of the optional drivers. */
function install(tarball: string): string {
  const project = mkdtempSync(join(tmpdir(), 'rowcast-project-'))
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }))
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', tarball], project)
  return project
}

test(
  'it installs into an empty project, and every entry can be imported and compiled against',
  () => {
    const tarball = pack()
    const project = install(tarball)
    try {
      const packed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
      assert.match(packed, /package\/sql\/postgres\/queue\/ack_and_claim\.sql/)
      assert.match(packed, /package\/LICENSE/)
      assert.not.match(packed, /\.test\.|\/test\/|\.tsbuildinfo/)

      const imports = ENTRIES.map((entry) => `console.log(Object.keys(await import('${entry}')).length > 0)`)
      writeFileSync(join(project, 'all.js'), imports.join('\n'))
      assert.is(run(process.execPath, ['all.js'], project), 'true\n'.repeat(ENTRIES.length))

      writeFileSync(join(project, 'missing.js'), MISSING_DRIVERS)
      assert.equal(run(process.execPath, ['missing.js'], project).trim().split('\n'), [
        'CONFIGURATION true npm install better-sqlite3',
        'CONFIGURATION true npm install mysql2',
      ])

      writeFileSync(join(project, 'program.ts'), PROGRAM)
      const flags = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--skipLibCheck', 'false', '--noEmit']
      // Node's own types are the one thing that a TypeScript project on Node has besides us.
      mkdirSync(join(project, 'node_modules', '@types'), { recursive: true })
      const types = ['--typeRoots', join(ROOT, 'node_modules', '@types'), '--types', 'node']
      run(join(BIN, 'tsc'), [...flags, ...types, 'program.ts'], project)
    } finally {
      rmSync(project, { recursive: true, force: true })
      rmSync(join(tarball, '..'), { recursive: true, force: true })
    }
  },
  PATIENCE_MS,
)

test(
  'a bundler takes in all of it but the drivers, and the bundle runs anywhere',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-bundle-'))
    try {
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
      const drivers = ['better-sqlite3', 'pg', 'pg-listen', 'mysql2']
      const stdin = { contents: BUNDLED, resolveDir: ROOT }
      await build({
        stdin,
        bundle: true,
        platform: 'node',
        format: 'esm',
        outfile: join(folder, 'app.mjs'),
        external: drivers,
      })
      assert.is(run(process.execPath, ['app.mjs'], folder), 'bundled\n')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  PATIENCE_MS,
)

test(
  'publint and are-the-types-wrong find nothing',
  () => {
    const tarball = pack()
    run(join(BIN, 'publint'), [tarball, '--strict'], ROOT)
    run(join(BIN, 'attw'), [tarball, '--profile', 'esm-only'], ROOT)
    rmSync(join(tarball, '..'), { recursive: true, force: true })
  },
  PATIENCE_MS,
)

const BUNDLED = `
import { EventChannel } from 'rowcast'
import { migrationSql } from 'rowcast/postgres'
if (!migrationSql().includes('create table')) throw new Error('no SQL')
const channel = await EventChannel.open('sqlite:./bundle.db')
await channel.publish('orders', 'bundled')
const subscription = channel.subscribe('orders')
for await (const event of subscription) {
  console.log(event.payload)
  await event.ack()
  break
}
await channel.close()
`

const MISSING_DRIVERS = `
import { EventChannel } from 'rowcast'
for (const url of ['sqlite:./x.db', 'mysql://nobody@127.0.0.1/x']) {
  const error = await EventChannel.open(url).catch((reason) => reason)
  console.log(error.code, error.name === 'ConfigurationError', error.message.split(': ').at(-1))
}
`

const PROGRAM = `
import { EventChannel, type EventMessage, RowcastError } from 'rowcast'
import { migrationSql, postgres } from 'rowcast/postgres'
import { mysql } from 'rowcast/mysql'
import { sqlite } from 'rowcast/sqlite'

interface Events { orders: { total: number }; refunds: string }

const channel: EventChannel<Events> = await EventChannel.open<Events>('sqlite:./app.db')
const id: string = await channel.publish('orders', { total: 1 })
for await (const event of channel.subscribe(['orders', 'refunds'])) {
  if (event.channel === 'orders') { const total: number = event.payload.total; console.log(total) }
  const message: EventMessage = event
  const acked: boolean = await message.ack()
  console.log(acked, id)
}
try { await channel.close({ drainMs: 10 }) } catch (error) { if (error instanceof RowcastError) console.log(error.code) }
console.log(migrationSql({ schema: 'x' }), postgres, mysql, sqlite)
`

test.run()
