import type { Sources, Step, Verb } from './source.js'

/** How one database writes SQL. */
export interface Dialect {
  /** The folder under sql/. */
  readonly name: 'postgres' | 'mysql' | 'sqlite'
  /** What is in that folder. */
  readonly sources: Sources
  /** A table or index of ours, quoted, in the schema or with the prefix that this channel uses. */
  relation(name: string): string
  /** The placeholder of the n-th (from 1) parameter of a statement. */
  placeholder(position: number, name: string): string
  /** Whether each placeholder takes a value of its own, so that a parameter used twice is passed twice. */
  readonly repeats: boolean
}

type Value = string | number | boolean | null | readonly unknown[]
/** A value that a statement takes, or the function that makes it where it is taken; a list mostly travels as one JSON text. */
export type Parameter = Value | (() => Value)
export type Parameters = Readonly<Record<string, Parameter>>

/** One statement of a verb, compiled for one schema or prefix. */
export interface Statement extends Step {
  /** Of the verb, and of the step where there are several: `queue/claim`, `queue/promote.due`. */
  readonly title: string
  /** Whether its rows are part of the answer. */
  readonly isReturned: boolean
  /** Parameter names by position; with repeats where the dialect's placeholders are positional. */
  readonly parameters: readonly string[]
  /** Where the fields of an element go, if it takes one at a time. */
  readonly fields: readonly { readonly index: number; readonly field: string }[]
  /** The fields, in order, of those lists whose elements the statement reads by position. */
  readonly layouts: ReadonlyMap<string, readonly string[]>
  /** The lists that may be cut: the statement does to each element the same, whatever others there are. */
  readonly cuttable: readonly string[]
  /** The lists of which it takes the length alone: nothing else of them travels. */
  readonly counted: readonly string[]
}

/** What the loader reads, in the order it must be recognised: strings and casts are not what they hold. */
const TOKEN =
  /(?<text>'(?:[^']|'')*')|(?<cast>::)|(?<!\w):(?<parameter>[a-z_]+(?:\.[a-z_]+)?)|\browcast[._](?<relation>[a-z_]+)/g
/** A list in MySQL's words, and those of its columns that are read by position: a third faster than by name (measured). */
const LIST = /json_table\(:(?<list>[a-z_]+), '\$\[\*\]' columns \((?<columns>[\s\S]*?)\n\s*\)\)/g
/** A list that is only counted, or of whose elements one is told from another by its place, goes as a whole. */
const CUTTABLE = /json_table\(:(?<list>[a-z_]+),/g
const COUNTED = /\bjson_length\(:(?<list>[a-z_]+)\)/g
const NUMBERED = /\brow_number\(\)/
const BY_POSITION = /^\s*(\w+) .*path '\$\[(\d+)\]',?$/gm

/** The statements of one dialect by verb, compiled for one schema or prefix. */
export class Statements {
  readonly #verbs: ReadonlyMap<string, readonly Statement[]>

  constructor(dialect: Dialect) {
    this.#verbs = new Map(dialect.sources.verbs.map((verb) => [verb.name, compile(dialect, verb)]))
  }

  has(verb: string): boolean {
    return this.#verbs.has(verb)
  }

  /** The steps of a verb, in order. */
  get(verb: string): readonly Statement[] {
    const steps = this.#verbs.get(verb)
    if (steps === undefined) throw new Error(`no verb named ${verb}`)
    return steps
  }
}

/** SQL with our relations written for this dialect's schema or prefix. */
export function localize(dialect: Dialect, text: string): string {
  return rewrite(dialect, text, (name) => `:${name}`)
}

/** The statements of one verb for one dialect. */
export function compile(dialect: Dialect, { name, steps, returns }: Verb): readonly Statement[] {
  return steps.map((step) => {
    const parameters: string[] = []
    const text = rewrite(dialect, step.text, (parameter) => {
      const known = parameters.indexOf(parameter)
      if (known >= 0 && !dialect.repeats) return dialect.placeholder(known + 1, parameter)
      parameters.push(parameter)
      return dialect.placeholder(parameters.length, parameter)
    })
    return {
      ...step,
      title: steps.length === 1 ? name : `${name}.${step.name}`,
      isReturned: returns.includes(step.name),
      text,
      parameters,
      fields: findFields(parameters),
      layouts: findLayouts(step.text),
      cuttable: NUMBERED.test(step.text) ? [] : findUsedOnly(step.text, CUTTABLE),
      counted: findUsedOnly(step.text, COUNTED),
    }
  })
}

function findFields(parameters: readonly string[]): Statement['fields'] {
  return parameters.flatMap((parameter, index) => {
    const [, field] = parameter.split('.')
    return field === undefined ? [] : [{ index, field }]
  })
}

function findLayouts(text: string): ReadonlyMap<string, readonly string[]> {
  const layouts = new Map<string, readonly string[]>()
  for (const { groups: { list = '', columns = '' } = {} } of text.matchAll(LIST)) {
    const layout: string[] = []
    for (const [, field = '', position] of columns.matchAll(BY_POSITION)) layout[Number(position)] = field
    if (layout.length > 0) layouts.set(list, layout)
  }
  return layouts
}

/** The lists that a statement uses in one way and in no other. */
function findUsedOnly(text: string, way: RegExp): readonly string[] {
  const used = new Set(Array.from(text.matchAll(way), ({ groups: { list = '' } = {} }) => list))
  const elsewhere = text.replaceAll(way, '')
  return [...used].filter((list) => !new RegExp(`:${list}\\b`).test(elsewhere))
}

/** In one pass, so that nothing that was written in, such as a schema with a colon, is read again. */
function rewrite(dialect: Dialect, source: string, place: (parameter: string) => string): string {
  const written = source.replace(TOKEN, (token, ...rest) => {
    const { parameter, relation } = rest.at(-1) as Record<string, string | undefined>
    if (parameter !== undefined) return place(parameter)
    return relation === undefined ? token : dialect.relation(relation)
  })
  return written.trim().replace(/;$/, '')
}

/** Whether a step has something to do, as its conditions say. */
export function isDue({ name, unless, when, each }: Step, parameters: Parameters): boolean {
  const given = (parameter: string) => {
    const value = parameters[parameter]
    if (value === undefined) throw new Error(`the step ${name} needs the parameter ${parameter}`)
    return value
  }
  const isEmpty = (list: string) => {
    const value = given(list)
    return Array.isArray(value) && value.length === 0
  }
  if (each !== null && isEmpty(each)) return false
  return !unless.some(isEmpty) && when.every((flag) => Boolean(given(flag)))
}

/** As many rows as the statement is to change, where it says so. */
export function countChanges({ changes }: Step, parameters: Parameters): number | undefined {
  if (changes === null) return undefined
  const list = read(parameters, changes)
  return isList(list) ? list.length : undefined
}

/**
 * The values of a statement's parameters by position, lists as JSON text; null for now where a field of an element goes.
 */
export function bind(statement: Statement, parameters: Parameters): (string | number | boolean | null)[] {
  return statement.parameters.map((name) => {
    if (name.includes('.')) return null
    const value = read(parameters, name)
    if (value === undefined) throw new Error(`${statement.title} needs the parameter ${name}`)
    if (!isList(value)) return value
    return JSON.stringify(
      statement.counted.includes(name) ? value.map(() => 0) : lay(value, statement.layouts.get(name)),
    )
  })
}

/** Each element of a list as the JSON text that `bind` makes of it. */
export function serializeElements(statement: Statement, parameters: Parameters, list: string): readonly string[] {
  const value = read(parameters, list)
  if (!isList(value)) throw new Error(`${statement.title} needs the list ${list}`)
  return lay(value, statement.layouts.get(list)).map((element) => JSON.stringify(element))
}

/** The elements that a statement runs for, one at a time. */
export function elementsOf({ title, each }: Statement, parameters: Parameters): readonly Element[] {
  if (each === null) return []
  const elements = read(parameters, each)
  if (!isList(elements)) throw new Error(`${title} needs the list ${each}`)
  return elements as readonly Element[]
}

type Element = Readonly<Record<string, unknown>>

function read(parameters: Parameters, name: string): Value | undefined {
  const parameter = parameters[name]
  return typeof parameter === 'function' ? parameter() : parameter
}

function isList(value: Value | undefined): value is readonly unknown[] {
  return typeof value === 'object' && value !== null
}

/** Elements as arrays, where the statement reads them by position. */
function lay(elements: readonly unknown[], layout: readonly string[] | undefined): readonly unknown[] {
  return layout === undefined ? elements : elements.map((element) => layout.map((field) => (element as Element)[field]))
}
