import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Migration, Sources, Step, Verb } from '../src/engines/sql/source.js'

/*
 * Reads the SQL of a dialect as README.md says it is written. What does not follow those rules fails the build.
 */

/** Where the verbs of each part of life are. */
export const FOLDERS = ['queue', 'log', 'notify', 'operate', 'schema'] as const
/** What several verbs include. */
const PARTS = 'parts'

const RETURNS = /^-- returns: (.+)$/m
const STEP = /^-- step: (.+)$/m
const CHANGES = /^-- changes: (\w+)$/m
/** Columns that tables share, by what README.md calls them; of a table by its alias, too. */
const COLUMNS = /\{(?:(\w+)\.)?(\w+)\}/g
const INCLUDE = /^-- include: (\w+)$/gm
/** What stands at the beginning of a comment and means something here. */
const DIRECTIVE = /^-- ([a-z]+): /gm
const DIRECTIVES = ['returns', 'step', 'changes']
const COMPATIBLE_FROM = /^-- Compatible from: (\d+)\s*$/m
/** A field of the elements that a statement takes one at a time. */
const FIELD = /(?<![\w:]):([a-z_]+)\.[a-z_]+/g

/** @param folder of one dialect */
export function readSources(folder: string): Sources {
  const verbs = FOLDERS.flatMap((part) => readVerbs(folder, part))
  // The others return what they have met, and need not count it.
  const counting = folder.endsWith('mysql') ? [] : verbs.filter(({ steps }) => steps.some(({ changes }) => changes))
  if (counting.length > 0) throw new Error(`${counting[0]?.name}: "-- changes" is for MySQL alone`)
  return { verbs, migrations: readMigrations(folder) }
}

function readVerbs(folder: string, part: string): readonly Verb[] {
  if (!existsSync(join(folder, part))) return []
  const include = (name: string) => readFileSync(join(folder, PARTS, `${name}.sql`), 'utf8').trimEnd()
  return listSql(join(folder, part)).map(({ name, text }) => parseVerb(`${part}/${name}`, text, include))
}

function readMigrations(folder: string): readonly Migration[] {
  return listSql(join(folder, 'migrations')).map(({ name, text }) => {
    const [, version, title] = /^(\d{4})_([a-z_]+)$/.exec(name) ?? []
    if (version === undefined || title === undefined) throw new Error(`migration ${name}: call it 0001_name.sql`)
    const compatibleFrom = Number(COMPATIBLE_FROM.exec(text)?.[1] ?? version)
    return { version: Number(version), name: title, compatibleFrom, text: withoutComments(text) }
  })
}

/**
 * One verb of a file.
 * @param include returns the text of a part
 */
export function parseVerb(name: string, source: string, include: (name: string) => string = () => ''): Verb {
  const text = source.replace(INCLUDE, (_, part: string) => include(part))
  const unknown = [...text.matchAll(DIRECTIVE)].find(([, word = '']) => !DIRECTIVES.includes(word))
  if (unknown !== undefined) throw new Error(`${name}: "${unknown[0]}" means nothing`)
  const [head = '', ...pieces] = `\n${text}`.split(/^(?=-- step: )/m)
  if (pieces.length > 0 && withoutComments(head) !== '') throw new Error(`${name}: SQL stands before the first step`)
  const steps = pieces.length === 0 ? [parseStep(name, text)] : pieces.map((piece) => parseStep(name, piece))
  const names = steps.map((step) => step.name)
  const returns = RETURNS.exec(head)?.[1]?.split(', ') ?? []
  if (steps.length === 1) return { name, returns: names, steps }
  if (new Set(names).size < names.length) throw new Error(`${name}: two steps have the same name`)
  const missing = returns.find((step) => !names.includes(step))
  if (returns.length === 0 || missing !== undefined) {
    throw new Error(`${name}: say which steps' rows are the answer, as in "-- returns: ${names.at(-1)}"`)
  }
  return { name, returns, steps }
}

function parseStep(verb: string, source: string): Step {
  const [name = verb, ...conditions] = STEP.exec(source)?.[1]?.split(', ') ?? []
  const ask = (pattern: RegExp) =>
    conditions.flatMap((condition) => {
      const [, found] = pattern.exec(condition) ?? []
      return found === undefined ? [] : [found]
    })
  const [unless, when, each] = [ask(/^unless (\w+) is empty$/), ask(/^when (\w+)$/), ask(/^each (\w+)$/)]
  const text = withColumns(withoutComments(source))
  const lists = new Set([...withoutStrings(text).matchAll(FIELD)].map(([, list]) => list))
  if (unless.length + when.length + each.length < conditions.length || each.length > 1) {
    throw new Error(`${verb}, step ${name}: a condition is "unless … is empty", "when …" or "each …": ${conditions}`)
  }
  if (lists.size !== each.length || !each.every((list) => lists.has(list))) {
    throw new Error(`${verb}, step ${name}: it takes fields of ${[...lists]}, and says "each ${each}"`)
  }
  return { name, unless, when, each: each[0] ?? null, changes: CHANGES.exec(source)?.[1] ?? null, text }
}

const columns: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('./columns.json', import.meta.url), 'utf8'),
)

function withColumns(text: string): string {
  return text.replace(COLUMNS, (written, alias: string | undefined, name: string) => {
    const named = columns[name]
    if (named === undefined) throw new Error(`${written}: there are no such columns in columns.json`)
    return named.map((column) => (alias === undefined ? column : `${alias}.${column}`)).join(', ')
  })
}

/** Comments may hold anything, and so may strings. */
export function withoutComments(text: string): string {
  const code = text.replace(/('(?:[^']|'')*')|--[^\n]*/g, (_, string: string | undefined) => string ?? '')
  return code
    .replace(/[ \t]+$/gm, '')
    .replace(/^\n+/, '')
    .trimEnd()
}

function withoutStrings(text: string): string {
  return text.replace(/'(?:[^']|'')*'/g, "''")
}

/** The files of SQL in a folder, in the order of their names. */
export function listSql(folder: string): readonly { readonly name: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.sql'.length), text: readFileSync(join(folder, file), 'utf8') }))
}
