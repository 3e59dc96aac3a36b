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

/** The SQL of one dialect, each list in the order of its files' names. */
export interface Sources {
  readonly statements: readonly Source[]
  readonly migrations: readonly Source[]
}

/** A file of SQL: its name without `.sql`, and what it says. */
export interface Source {
  readonly name: string
  readonly text: string
}

type Value = string | number | boolean | null | readonly unknown[]
/** A value that a statement takes, or the function that makes it where it is taken; a list mostly travels as one JSON text. */
export type Parameter = Value | (() => Value)
export type Parameters = Readonly<Record<string, Parameter>>

/** One compiled SQL statement. */
export interface Statement {
  /** The file it comes from, without `.sql`: `claim`, or `claim.1-head` for one step of several. */
  readonly name: string
  /** What later steps call the rows of this one: `head` of `claim.1-head`. */
  readonly step: string | undefined
  readonly text: string
  /** Parameter names by position; with repeats where the dialect's placeholders are positional. */
  readonly parameters: readonly string[]
  /** Set where the statement takes one element of a list at a time. */
  readonly each: Each | undefined
  /** The fields, in order, of those lists whose elements the statement reads by position. */
  readonly layouts: ReadonlyMap<string, readonly string[]>
  /** The lists that may be cut: the statement does to each element the same, whatever others there are. */
  readonly cuttable: readonly string[]
  /** The lists of which it takes the length alone: nothing else of them travels. */
  readonly counted: readonly string[]
}

/** `:events.id` in a statement: it runs for each element of `events`, whose field goes to that place. */
interface Each {
  readonly list: string
  readonly fields: readonly { readonly index: number; readonly field: string }[]
}

/** What the loader reads, in the order it must be recognised: strings, comments and casts are not what they hold. */
const TOKEN =
  /(?<text>'(?:[^']|'')*')|(?<comment>--[^\n]*)|(?<cast>::)|(?<!\w):(?<parameter>[a-z_]+(?:\.[a-z_]+)?)|\browcast[._](?<relation>[a-z_]+)/g
/** A list in MySQL's words, and those of its columns that are read by position: a third faster than by name (measured). */
const LIST = /json_table\(:(?<list>[a-z_]+), '\$\[\*\]' columns \((?<columns>[\s\S]*?)\n\s*\)\)/g
/** A list that is only counted, or of whose elements one is told from another by its place, goes as a whole. */
const CUTTABLE = /json_table\(:(?<list>[a-z_]+),/g
const COUNTED = /\bjson_length\(:(?<list>[a-z_]+)\)/g
const NUMBERED = /\brow_number\(\)/
const BY_POSITION = /^\s*(\w+) .*path '\$\[(\d+)\]',?$/gm

/**
 * The statements of one dialect, compiled for one schema or prefix when they are loaded. A verb is one file,
 * `sql/<dialect>/statements/<verb>.sql`, or several, `<verb>.<n>-<step>.sql`, that run in order in one transaction; the
 * rows of a step are a list parameter of the steps after it, under the step's name.
 */
export class Statements {
  readonly #verbs = new Map<string, Statement[]>()

  constructor(dialect: Dialect) {
    for (const { name, text } of dialect.sources.statements) {
      const [verb = name, position] = name.split('.')
      const statement = compile(dialect, name, position?.replace(/^\d+-/, ''), text)
      this.#verbs.set(verb, [...(this.#verbs.get(verb) ?? []), statement])
    }
  }

  has(verb: string): boolean {
    return this.#verbs.has(verb)
  }

  /** The steps of a verb, in order. */
  get(verb: string): readonly Statement[] {
    const steps = this.#verbs.get(verb)
    if (steps === undefined) throw new Error(`no statement named ${verb}`)
    return steps
  }
}

/** SQL without comments, with our relations written for this dialect's schema or prefix. */
export function localize(dialect: Dialect, source: string): string {
  return rewrite(dialect, source, (name) => `:${name}`)
}

/**
 * One statement for one dialect.
 * @param name of its file
 * @param step see `Statement.step`
 */
export function compile(dialect: Dialect, name: string, step: string | undefined, source: string): Statement {
  const parameters: string[] = []
  const text = rewrite(dialect, source, (parameter) => {
    const known = parameters.indexOf(parameter)
    if (known >= 0 && !dialect.repeats) return dialect.placeholder(known + 1, parameter)
    parameters.push(parameter)
    return dialect.placeholder(parameters.length, parameter)
  })
  return {
    name,
    step,
    text,
    parameters,
    each: findEach(parameters),
    layouts: findLayouts(source),
    cuttable: NUMBERED.test(source) ? [] : findUsedOnly(source, CUTTABLE),
    counted: findUsedOnly(source, COUNTED),
  }
}

function findEach(parameters: readonly string[]): Each | undefined {
  const fields = parameters.flatMap((parameter, index) => {
    const [list = '', field] = parameter.split('.')
    return field === undefined ? [] : [{ list, index, field }]
  })
  return fields[0] && { list: fields[0].list, fields }
}

function findLayouts(source: string): ReadonlyMap<string, readonly string[]> {
  const layouts = new Map<string, readonly string[]>()
  for (const { groups: { list = '', columns = '' } = {} } of source.matchAll(LIST)) {
    const layout: string[] = []
    for (const [, field = '', position] of columns.matchAll(BY_POSITION)) layout[Number(position)] = field
    if (layout.length > 0) layouts.set(list, layout)
  }
  return layouts
}

/** The lists that a statement uses in one way and in no other. */
function findUsedOnly(source: string, way: RegExp): readonly string[] {
  const code = source.replaceAll(/--[^\n]*/g, '')
  const used = new Set(Array.from(code.matchAll(way), ({ groups: { list = '' } = {} }) => list))
  const elsewhere = code.replaceAll(way, '')
  return [...used].filter((list) => !new RegExp(`:${list}\\b`).test(elsewhere))
}

/** In one pass, so that nothing that was written in, such as a schema with a colon, is read again. */
function rewrite(dialect: Dialect, source: string, place: (parameter: string) => string): string {
  const written = source.replace(TOKEN, (token, ...rest) => {
    const { comment, parameter, relation } = rest.at(-1) as Record<string, string | undefined>
    if (comment !== undefined) return ''
    if (parameter !== undefined) return place(parameter)
    return relation === undefined ? token : dialect.relation(relation)
  })
  return written.trim().replace(/;$/, '')
}

/** Whether a step has nothing to do: one of its lists is empty, it may take no rows, or it is to keep none. */
export function isIdle(statement: Statement, parameters: Parameters): boolean {
  return [...statement.parameters, statement.each?.list ?? ''].some((name) => {
    const value = parameters[name]
    const isEmpty = Array.isArray(value) && value.length === 0
    return isEmpty || (name === 'limit' && value === 0) || (name === 'keep_history' && value === false)
  })
}

/**
 * The values of a statement's parameters by position, lists as JSON text; null for now where a field of an element goes.
 */
export function bind(statement: Statement, parameters: Parameters): (string | number | boolean | null)[] {
  return statement.parameters.map((name) => {
    if (name.includes('.')) return null
    const value = read(parameters, name)
    if (value === undefined) throw new Error(`${statement.name} needs the parameter ${name}`)
    if (!isList(value)) return value
    return JSON.stringify(
      statement.counted.includes(name) ? value.map(() => 0) : lay(value, statement.layouts.get(name)),
    )
  })
}

/** Each element of a list as the JSON text that `bind` makes of it. */
export function serializeElements(statement: Statement, parameters: Parameters, list: string): readonly string[] {
  const value = read(parameters, list)
  if (!isList(value)) throw new Error(`${statement.name} needs the list ${list}`)
  return lay(value, statement.layouts.get(list)).map((element) => JSON.stringify(element))
}

/** The elements that a statement runs for, one at a time. */
export function elementsOf({ name, each }: Statement, parameters: Parameters): readonly Element[] {
  if (each === undefined) return []
  const elements = read(parameters, each.list)
  if (!isList(elements)) throw new Error(`${name} needs the list ${each.list}`)
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
