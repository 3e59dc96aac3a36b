import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { nodeArguments } from './support/built.js'
import { type DatabaseName, NAMES } from './support/chosen.js'
import { serverUrl } from './support/databases.js'
import { codeBlocks } from './support/markdown.js'
import { suite } from './support/suite.js'

const test = suite('the examples')
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const EXAMPLES = join(ROOT, 'docs', 'examples')
const PATIENCE_MS = 60_000

/** SQLite is what they run on when no URL is given. */
function urlOf(name: DatabaseName): string | undefined {
  if (name === 'sqlite') return undefined
  const url = serverUrl(name)
  return name === 'mariadb' ? url.replace(/^mysql:/, 'mariadb:') : url
}

/** What each prints. */
const EXPECTED: Readonly<Record<string, { readonly output: readonly string[]; readonly atOnce?: number }>> = {
  'iterate.ts': {
    output: [
      'order {"total":4} {"tenant":"acme"}, attempt 1',
      'order {"total":1} {}, attempt 1',
      'order {"total":2} {}, attempt 1',
      'order {"total":3} {}, attempt 1',
      '4 delivered, 4 acked',
    ],
  },
  'listen.ts': {
    // The first of these come from handlers that run at once.
    atOnce: 3,
    output: [
      'order 1 shipped on attempt 1',
      'order 2 shipped on attempt 1',
      'order 4 shipped on attempt 1',
      'order 3 shipped on attempt 2',
      '1 nacked, 1 redelivered',
    ],
  },
  'diagnostics.ts': {
    output: [
      ...['attempt 1 on diagnostics.orders true', 'failed true', 'nack'],
      ...['attempt 2 on diagnostics.orders true', 'handled true', 'ack'],
    ],
  },
  'transaction.ts': { output: ['transaction.orders {"total":42}', 'transaction.orders {"total":7}'] },
  'dead-letters.ts': {
    output: [
      'dead after 2 attempts: Error: Ada has no address',
      'dead after 2 attempts: Error: Bob has no address',
      'shipped to 12 St James Square',
      '0 dead letters left',
    ],
  },
  'typed.ts': {
    output: [
      'payload does not match the schema of channel "typed.orders": total: Invalid value: Expected >=0 but received -1',
      'order of 2026',
      'refund: too late',
    ],
  },
  'cache-invalidation.ts': { output: ['web server: tea dropped, still cached: rice'] },
  'log.ts': {
    output: [
      ...['billing: order 1', 'billing: order 2', 'search: order 1', 'search: order 2', 'search: order 3'],
      ...['billing: order 3', 'billing lags by 0', 'search lags by 0'],
      ...['search: order 1', 'search: order 2', 'search: order 3'],
    ],
  },
}

/** What is logged where the database cannot notify, and a log takes its place. */
const FALLBACK = /^rowcast: no notifications: backend 'log' carries them instead .*\n/gm
/** What is logged of each dead letter. */
const DEAD = /^rowcast: an event became a dead letter \{[^}]*\}\n/gm

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], options: { cwd?: string; url?: string | undefined } = {}): Promise<Outcome> {
  const { ROWCAST_URL: _, ...inherited } = process.env
  const env = options.url === undefined ? inherited : { ...inherited, ROWCAST_URL: options.url }
  const child = spawn(process.execPath, args, { cwd: options.cwd ?? ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

const runExample = (file: string, url: string | undefined) => run(nodeArguments(join(EXAMPLES, file)), { url })

test('each example is known here', () => {
  const files = readdirSync(EXAMPLES).filter((file) => file.endsWith('.ts'))
  assert.equal(files.sort(), ['demo.ts', ...Object.keys(EXPECTED)].sort())
})

for (const [file, { output, atOnce = 0 }] of Object.entries(EXPECTED)) {
  for (const name of NAMES) {
    test(
      `${file} does what it says on ${name}`,
      async () => {
        const { code, stdout, stderr } = await runExample(file, urlOf(name))
        const logged = stderr.replace(FALLBACK, '').replace(DEAD, '')
        const lines = stdout.trim().split('\n')
        const inOrder = [...lines.slice(0, atOnce).sort(), ...lines.slice(atOnce)]
        assert.equal([inOrder, logged, code], [output, '', 0])
        assert.is(stderr.match(DEAD)?.length ?? 0, output.filter((line) => line.startsWith('dead after')).length)
      },
      PATIENCE_MS,
    )
  }
}

for (const name of NAMES) {
  test(
    `the demo tells its story on ${name}, loses nothing and leaves nothing behind`,
    async () => {
      // Where no server is needed, as the README says.
      const how =
        name === 'sqlite' ? ['--import', 'tsx', join(EXAMPLES, 'demo.ts')] : nodeArguments(join(EXAMPLES, 'demo.ts'))
      const { code, stdout, stderr } = await run(how, { url: urlOf(name) })
      assert.equal([stderr.replace(DEAD, ''), code], ['', 0], stdout)
      assert.match(stdout, /shipped: 602 of 602 orders/)
      assert.match(stdout, /dead letter: after 3 attempts, "Error: order 2 has no address"/)
      assert.match(stdout, /20 changes reached all 3 caches/)
      assert.match(stdout, /done: nothing was lost, nothing is left behind\n$/)
      assert.not.match(stdout, /WRONG|failed/)
    },
    PATIENCE_MS,
  )
}

test(
  'the demo ends with an error when something goes wrong',
  async () => {
    const { code, stdout } = await runExample('demo.ts', 'postgres://nobody:secret@127.0.0.1:1/nowhere')
    assert.is(code, 1)
    assert.match(stdout, /WRONG: ConnectionError/)
    assert.not.match(stdout, /secret|nothing was lost/)
  },
  PATIENCE_MS,
)

test(
  "the README's first lines of code run as they stand",
  async () => {
    const [first] = codeBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'js')
    assert.ok(first)
    assert.ok(first.trim().split('\n').length <= 12, 'about ten lines')
    // Inside the package, so that it finds `rowcast` by its name; its database goes elsewhere.
    mkdirSync(join(ROOT, '.tmp'), { recursive: true })
    const folder = mkdtempSync(join(ROOT, '.tmp', 'readme-'))
    const cwd = mkdtempSync(join(tmpdir(), 'rowcast-readme-'))
    try {
      const program = join(folder, 'first.mjs')
      writeFileSync(program, first)
      const { code, stdout, stderr } = await run([program], { cwd })
      assert.equal([stderr, code], ['', 0])
      assert.match(stdout, /^[0-9a-f-]{36} \{ total: 42 \}\n$/)
      assert.equal(readdirSync(cwd), ['app.db'])
    } finally {
      for (const each of [folder, cwd]) rmSync(each, { recursive: true, force: true })
    }
  },
  PATIENCE_MS,
)

test.run()
