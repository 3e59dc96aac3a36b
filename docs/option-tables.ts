import { readFileSync } from 'node:fs'
import ts from 'typescript'
import type { GenericSchema } from 'valibot'
import { MAX_DELAY_MS, name as nameCheck } from '../src/options/checks.js'
import { VARIABLES } from '../src/options/environment.js'
import { MAX_NAME_BYTES } from '../src/options/names.js'
import * as options from '../src/options/options.js'

/*
 * The tables of options as the code has them: what an option must be and its default from its schema, what it does from its
 * comment. Each exported constant of `src/options/options.ts` is one table.
 */

const SOURCE = new URL('../src/options/options.ts', import.meta.url)
/** How the default of an option is written that is what the channel has of the same name. */
const OF_CHANNEL = "the channel's"
/** Stands for what a channel has of an option. */
const markOf = (option: string) => `the ${option} of the channel`
/** Bounds that read better as words. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [MAX_DELAY_MS, '100 years'],
  [2 ** 30, '2³⁰'],
])

/** What a comment says of an option. */
export interface Comment {
  readonly meaning: string
  /** Its `@default`. */
  readonly default: string | undefined
}

/** What there is to read in a schema, or in a step of its pipe. */
interface Part {
  readonly type: string
  readonly message?: unknown
  readonly requirement?: unknown
  readonly pipe?: readonly Part[]
  readonly wrapped?: Part
  readonly default?: unknown
  readonly entries?: object
  readonly value?: Part
}

/** The options of each table, by the name of its constant. */
export function readGroups(): ReadonlyMap<string, Readonly<Record<string, GenericSchema>>> {
  const channel: unknown = Object.fromEntries(Object.keys(options.channelOptions).map((name) => [name, markOf(name)]))
  const groups = Object.entries(options).map(([name, group]) => {
    const entries = typeof group === 'function' ? group(channel as Parameters<typeof group>[0]) : group
    return [name, entries as Readonly<Record<string, GenericSchema>>] as const
  })
  return new Map(groups)
}

/** The comments on the options of each group, as they are in the source or in what is built from it. */
export function readComments(file: URL = SOURCE): ReadonlyMap<string, ReadonlyMap<string, Comment>> {
  const groups = new Map<string, Map<string, Comment>>()
  const visit = (node: ts.Node, group: Map<string, Comment>): void => {
    const isOption = ts.isPropertyAssignment(node) || ts.isPropertySignature(node)
    const [doc] = isOption ? ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc) : []
    if (isOption && doc !== undefined) group.set(node.name.getText(), commentOf(doc))
    if (!isOption) ts.forEachChild(node, (child) => visit(child, group))
  }
  const source = ts.createSourceFile('options.ts', readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  for (const statement of source.statements.filter(ts.isVariableStatement)) {
    for (const declaration of statement.declarationList.declarations) {
      const group = new Map<string, Comment>()
      visit(declaration, group)
      groups.set(declaration.name.getText(), group)
    }
  }
  return groups
}

/** The page with every table of options as the code has it. */
export function writeTables(page: string): string {
  const comments = readComments()
  let written = page
  for (const [group, entries] of readGroups()) {
    const title = group.replace(/s$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    const table = new RegExp(`^\\| ${title} +\\|.*\\n(?:\\|.*\\n)*`, 'm')
    if (!table.test(written)) throw new Error(`the page has no table for ${group}: give it a line "| ${title} |"`)
    const rows = Object.entries(entries).map(([option, schema]) => {
      const comment = comments.get(group)?.get(option)
      if (comment === undefined) throw new Error(`${group}.${option} has no comment: say what it does`)
      return rowOf(group, option, schema, comment)
    })
    const variable = group === 'channelOptions' ? ['variable'] : []
    written = written.replace(table, () => layOut([[title, 'type', 'default', ...variable, 'meaning'], ...rows]))
  }
  return written
}

function rowOf(group: string, option: string, schema: Part, comment: Comment): readonly string[] {
  const variable = VARIABLES.find((one) => one.option === option)?.variable
  return [
    `\`${option}\``,
    describeCheck(schema.wrapped ?? schema),
    describeDefault(group, option, schema, comment.default),
    ...(group === 'channelOptions' ? [variable === undefined ? '' : `\`${variable}\``] : []),
    comment.meaning,
  ]
}

/** The default as the comment has it, which must be what the schema has, where that is a value that one can write down. */
function describeDefault(group: string, option: string, schema: Part, documented: string | undefined): string {
  if (schema.wrapped === undefined && documented === undefined) return 'required'
  const actual = schema.default === markOf(option) ? OF_CHANNEL : literalOf(schema.default)
  const isLiteral = documented === OF_CHANNEL || /^(\d[\d_]*|true|false|'[^']*')$/.test(documented ?? '')
  if (documented === undefined || (actual !== documented && (actual !== undefined || isLiteral))) {
    throw new Error(`${group}.${option}: its comment says @default ${documented}, its schema ${actual}`)
  }
  return documented.replace(/'[^' ]+'(?= |$)|^(\d[\d_]*|true|false)$/g, '`$&`')
}

function literalOf(value: unknown): string | undefined {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'number') return grouped(value, '_')
  return typeof value === 'boolean' ? String(value) : undefined
}

/** What a check lets pass, in words. */
function describeCheck(check: Part): string {
  if (check === nameCheck) return `name, 1 to ${MAX_NAME_BYTES} bytes`
  const [root = check, ...steps] = stepsOf(check)
  if (root.type === 'number') return describeNumber(steps)
  if (root.type === 'strict_object') return `\`{ ${Object.keys(root.entries ?? {}).join(', ')} }\``
  if (root.type === 'record') return `object of values that ${root.value?.message}`
  const rules = steps.map(({ message }) => inWords(message))
  const words = [root.message === undefined ? root.type : inWords(root.message), ...rules].join(', ')
  return words.replace(/must not be empty, at most (\d+) bytes/, '1 to $1 bytes')
}

function describeNumber(steps: readonly Part[]): string {
  const bound = (type: string) => steps.find((step) => step.type === type)?.requirement as number | undefined
  const [low, high] = [bound('min_value'), bound('max_value')]
  const range = high === undefined ? `at least ${low}` : `${low} to ${WORDS.get(high) ?? grouped(high, ' ')}`
  return `${bound('integer') === undefined ? '' : 'whole '}number, ${range}`
}

/** A schema and what follows in its pipe, without pipes in pipes. */
function stepsOf(part: Part): readonly Part[] {
  if (part.pipe === undefined) return [part]
  const [first, ...others] = part.pipe
  return first === part || first === undefined ? others : [...stepsOf(first), ...others.flatMap(stepsOf)]
}

function inWords(message: unknown): string {
  return String(message)
    .replace(/^must (be (an? )?|hold )/, '')
    .replace(/^must have /, 'object with ')
    .replace(/postgres:\/\//, '`$&`')
}

function commentOf(doc: ts.JSDoc): Comment {
  const oneLine = (text: ts.JSDoc['comment']) => ts.getTextOfJSDocComment(text)?.replace(/\s+/g, ' ').trim()
  const tag = doc.tags?.find(({ tagName }) => tagName.text === 'default')
  return { meaning: oneLine(doc.comment) ?? '', default: oneLine(tag?.comment) }
}

function grouped(value: number, by: string): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, by)
}

function layOut([head = [], ...rows]: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(...[head, ...escaped].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  return [head, widths.map((width) => '-'.repeat(width)), ...escaped].map(line).join('')
}
