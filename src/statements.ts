import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from './errors.js'

/** How one database writes SQL. */
export interface Dialect {
  /** The folder under sql/. */
  readonly name: 'postgres' | 'mysql' | 'sqlite'
  /** A table or index of ours, quoted, in the schema or with the prefix that this channel uses. */
  relation(name: string): string
  /** The placeholder of the n-th (from 1) parameter of a statement. */
  placeholder(position: number, name: string): string
  /** Whether each placeholder takes a value of its own, so that a parameter used twice is passed twice. */
  readonly repeats: boolean
}

/** A value that a statement takes. A list travels as one JSON text; a function makes that text, where it is taken. */
export type Parameter = string | number | boolean | null | readonly unknown[] | (() => string)
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
}

const SQL_ROOT = new URL('../sql/', import.meta.url)
/** What the loader reads, in the order it must be recognised: strings, comments and casts are not what they hold. */
const TOKEN =
  /(?<text>'(?:[^']|'')*')|(?<comment>--[^\n]*)|(?<cast>::)|(?<!\w):(?<parameter>[a-z_]+)|\browcast[._](?<relation>[a-z_]+)/g

/**
 * The statements of one dialect, compiled for one schema or prefix when they are loaded. A verb is one file,
 * `sql/<dialect>/statements/<verb>.sql`, or several, `<verb>.<n>-<step>.sql`, that run in order in one transaction; the
 * rows of a step are a JSON list parameter of the steps after it, under the step's name.
 */
export class Statements {
  readonly #verbs = new Map<string, Statement[]>()

  constructor(dialect: Dialect) {
    for (const { name, text } of readSql(dialect.name, 'statements')) {
      const [verb = name, position] = name.split('.')
      const statement = compile(dialect, name, position?.replace(/^\d+-/, ''), text)
      this.#verbs.set(verb, [...(this.#verbs.get(verb) ?? []), statement])
    }
  }

  /** The steps of a verb, in order. */
  get(verb: string): readonly Statement[] {
    const steps = this.#verbs.get(verb)
    if (steps === undefined) throw new Error(`no statement named ${verb}`)
    return steps
  }
}

/**
 * The files of one folder of sql/, in the order of their names.
 * @throws {ConfigurationError} when the folder is not where the package has it
 */
export function readSql(
  dialect: Dialect['name'],
  folder: 'statements' | 'migrations',
): { name: string; text: string }[] {
  const directory = new URL(`${dialect}/${folder}/`, SQL_ROOT)
  return listFiles(fileURLToPath(directory))
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.sql'.length), text: readFileSync(new URL(file, directory), 'utf8') }))
}

function listFiles(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    throw new ConfigurationError(
      `rowcast's SQL is not at ${directory}: keep the package's sql folder beside dist (a bundler must leave rowcast external)`,
      { cause },
    )
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
  return { name, step, text, parameters }
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
  return statement.parameters.some((name) => {
    const value = parameters[name]
    const isEmpty = Array.isArray(value) && value.length === 0
    return isEmpty || (name === 'limit' && value === 0) || (name === 'keep_history' && value === false)
  })
}

/** The values of a statement's parameters by position, lists as JSON text. */
export function bind(statement: Statement, parameters: Parameters): (string | number | boolean | null)[] {
  return statement.parameters.map((name) => {
    const value = parameters[name]
    if (value === undefined) throw new Error(`${statement.name} needs the parameter ${name}`)
    if (typeof value === 'function') return value()
    return typeof value === 'object' && value !== null
      ? JSON.stringify(value)
      : (value as string | number | boolean | null)
  })
}
