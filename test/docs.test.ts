import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import * as assert from 'uvu/assert'
import { type Comment, readComments, writeTables } from '../docs/option-tables.js'
import { COUNTERS } from '../src/common/telemetry.js'
import { SRC } from './support/imports.js'
import { anchorsOf, codeBlocks, linksOf } from './support/markdown.js'
import { suite } from './support/suite.js'

const test = suite('the docs')
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
/** Without the padding of its tables. */
const REFERENCE = read('docs/reference.md').replace(/ {2,}/g, ' ')

/** Whether the reference has this in a code span of its own or as the beginning of one. */
const inReference = (name: string) => new RegExp(`\`${name.replaceAll('.', '\\.')}(?![\\w.])`).test(REFERENCE)
const missing = (names: Iterable<string>) => [...new Set(names)].filter((name) => !inReference(name))

/** The names between the braces of `export { … }`. */
function exportedNames(file: string): readonly string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) => names.split(','))
  const declared = [...text.matchAll(/^export (?:async )?function (\w+)/gm)].map(([, name = '']) => name)
  return [...listed, ...declared].map((name) => name.replace(/\btype\b/, '').trim()).filter((name) => name !== '')
}

/** The fields and methods of an exported interface or class, private and internal ones aside. */
function membersOf(file: string, name: string): readonly string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const body = new RegExp(`^export (?:interface|class) ${name}\\b.*?\\{\\n(.*?)^\\}`, 'ms').exec(text)?.[1] ?? ''
  const visible = body.replace(/\/\*\* @internal.*?\*\/\n[^\n]*\n/g, '')
  const found = [...visible.matchAll(/^ {2}(?:readonly |get |async |static )*(\w+)\??[(:<]/gm)].map(([, m = '']) => m)
  return found.filter((member) => member !== 'constructor')
}

test('the reference has every public name', () => {
  const entries = ['index.ts', ...['postgres', 'mysql', 'sqlite'].map((name) => `engines/sql/${name}.ts`)]
  // What a URL is handed to is imported by the library alone.
  const names = entries.flatMap(exportedNames).filter((name) => !/^(postgres|mysql|sqlite)Url$/.test(name))
  assert.ok(names.length > 45, `${names.length} names`)
  assert.equal(missing(names), [])
})

test('the reference has every option as the code has it', () => {
  assert.ok(
    writeTables(read('docs/reference.md')) === read('docs/reference.md'),
    'the tables of options are old: npx tsx docs/write-reference.ts',
  )
})

test('the reference has every member', () => {
  const interfaces: readonly (readonly [string, readonly string[]])[] = [
    ['options/options.ts', ['Gap']],
    ['event.ts', ['EventMessage']],
    ['engine.ts', ['ChannelStats', 'DeadLetter', 'Group']],
    ['operate/groups.ts', ['Groups']],
    ['operate/health.ts', ['Health']],
    ['common/logger.ts', ['Logger']],
    ['engine.ts', ['AppliedMigration']],
    ['channel.ts', ['EventChannel']],
    ['consume/subscription.ts', ['Subscription']],
    ['consume/listener.ts', ['Listener']],
    ['operate/dead-letters.ts', ['DeadLetters', 'DeadLetterFilter']],
  ]
  for (const [file, names] of interfaces) {
    for (const name of names) {
      const members = membersOf(file, name)
      assert.ok(members.length > 0, `no members found of ${name}`)
      const unknown = members.filter((member) => !new RegExp(`\\b${member}\\b`).test(REFERENCE))
      assert.equal(unknown, [], name)
    }
  }
})

test('every public name has a doc comment', () => {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const text = sources.map((file) => readFileSync(join(SRC, file), 'utf8')).join('\n')
  const bare = [...new Set(exportedNames('index.ts'))].filter((name) => {
    const declaration = `export (?:abstract )?(?:interface|class|type|function|const) ${name}\\b`
    return !new RegExp(`\\*/\\n${declaration}`).test(text)
  })
  assert.equal(bare, [])
})

/** The types of options that the built package exports, each with what an editor shows of its options. */
function shownOptions(): ReadonlyMap<string, ReadonlyMap<string, Comment>> {
  const entry = join(ROOT, 'dist', 'index.d.ts')
  const program = ts.createProgram([entry], { module: ts.ModuleKind.NodeNext, strict: true, noEmit: true, types: [] })
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(entry)
  const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
  const oneLine = (text: ts.SymbolDisplayPart[] | undefined) => ts.displayPartsToString(text).replace(/\s+/g, ' ')
  const commentOf = (option: ts.Symbol): Comment => {
    const tag = option.getJsDocTags(checker).find((one) => one.name === 'default')
    return { meaning: oneLine(option.getDocumentationComment(checker)), default: tag && oneLine(tag.text) }
  }
  const types = (module === undefined ? [] : checker.getExportsOfModule(module)).filter(({ name }) =>
    /^[A-Z]\w*Options$|^DeadLetterPage$|^GroupFilter$/.test(name),
  )
  return new Map(
    types.map((type) => {
      const options = checker.getDeclaredTypeOfSymbol(type).getProperties()
      return [type.name, new Map(options.map((option) => [option.name, commentOf(option)]))]
    }),
  )
}

test('an editor shows what an option does, and its default', () => {
  const written = new Set(
    [...readComments().values()].flatMap((group) => [...group.values()].map((one) => JSON.stringify(one))),
  )
  const types = shownOptions()
  assert.ok(types.size >= 10, [...types.keys()].join(', '))
  for (const [type, options] of types) {
    assert.ok(options.size > 0, `no options found of ${type}`)
    for (const [option, comment] of options) {
      assert.ok(written.has(JSON.stringify(comment)), `${type}.${option} shows ${JSON.stringify(comment)}`)
    }
  }
}, 60_000)

test('the reference has every error code, counter and gauge', () => {
  const errors = readFileSync(join(SRC, 'common', 'errors.ts'), 'utf8')
  const codes = [...errors.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map(([, code = '']) => code)
  assert.ok(codes.length >= 9)
  assert.equal(missing(codes), [])
  assert.equal(missing(COUNTERS), [])
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const gauges = sources.flatMap((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(/\.gauge\('([^']+)'/g)].map(([, gauge = '']) => gauge),
  )
  assert.ok(gauges.length >= 5)
  assert.equal(missing(gauges), [])
})

test('every link leads somewhere', () => {
  const broken = PAGES.flatMap((page) =>
    linksOf(read(page)).flatMap((link) => {
      if (/^https?:/.test(link)) return []
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path))
      const file = join(ROOT, target)
      if (!existsSync(file)) return [`${page}: ${link}`]
      if (anchor === undefined || statSync(file).isDirectory()) return []
      return anchorsOf(read(target)).includes(anchor) ? [] : [`${page}: ${link}`]
    }),
  )
  assert.equal(broken, [])
})

test('every page is linked from another, and every path that an error names is there', () => {
  const linked = new Set(
    PAGES.flatMap((page) => linksOf(read(page)).map((link) => join(dirname(page), link.replace(/#.*/, '')))),
  )
  assert.equal(
    PAGES.filter((page) => page !== 'README.md' && !linked.has(page)),
    [],
  )
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const named = sources.flatMap((file) => readFileSync(join(SRC, file), 'utf8').match(/\bdocs\/[\w/-]+\.md\b/g) ?? [])
  assert.ok(named.length > 0)
  assert.equal(
    named.filter((path) => !existsSync(join(ROOT, path))),
    [],
  )
})

/** What the pages take for granted in a block that does not declare it. */
const AMBIENT: Readonly<Record<string, string>> = {
  channel: `declare const channel: import('rowcast').EventChannel`,
  pool: `declare const pool: import('pg').Pool`,
  ship: 'declare function ship(order: unknown): Promise<void>',
}

test('every block of TypeScript compiles', () => {
  const blocks = PAGES.flatMap((page) => codeBlocks(read(page), 'ts').map((code) => ({ page, code })))
  assert.ok(blocks.length > 20, `${blocks.length} blocks`)
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tmp', 'snippets-'))
  try {
    for (const [index, { page, code }] of blocks.entries()) {
      const declared = new Set([...code.matchAll(/^(?:const|import) (\w+)/gm)].map(([, name]) => name))
      const ambient = Object.entries(AMBIENT).filter(([name]) => !declared.has(name))
      const text = [code, ...ambient.map(([, declaration]) => declaration), 'export {}', ''].join('\n')
      writeFileSync(join(folder, `${String(index).padStart(2, '0')}-${page.replaceAll(/\W/g, '-')}.ts`), text)
    }
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }),
    )
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout = String(error) } = error as { stdout?: string }
    throw new Error(stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)

test.run()
