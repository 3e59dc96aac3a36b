import { ConfigurationError } from '../../../common/errors.js'

/** A database's URL, taken apart. What is not in it is `undefined`. */
export interface DatabaseUrl {
  readonly user: string | undefined
  readonly password: string | undefined
  /** One at least, which may be empty. An address in brackets has lost them. */
  readonly hosts: readonly UrlHost[]
  readonly database: string | undefined
  readonly parameters: UrlParameters
}

export interface UrlHost {
  readonly host: string | undefined
  readonly port: number | undefined
}

const SHAPE = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/?#]*)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/is
const HOST = /^(?:\[(?<address>[0-9a-f:.]+(?:%25[\w.-]+)?)\]|(?<name>[^:[\]]*))(?::(?<port>\d*))?$/i
const PARAMETER_NAME = /^[\w.-]{1,60}$/

/**
 * Reads a URL of the form `scheme://user:password@host:port/database?parameter=value`. A parser of our own: it never
 * repeats what it reads, where others put the URL, and with it the password, into their errors; and it takes several hosts.
 * @param what how messages call it: `the URL`, `listenUrl`
 * @param example how one looks, for messages
 * @throws {ConfigurationError} when it cannot be read for certain
 */
export function readUrl(what: string, text: string, example: string): DatabaseUrl {
  const { authority = '', path = '', query = '' } = SHAPE.exec(text.trim())?.groups ?? refuse(what, example)
  // A password that ends the authority too early, with a raw / or ?, leaves an @ behind.
  if (`${path}${query}`.includes('@')) refuse(what, example)
  const at = authority.lastIndexOf('@')
  const [user = '', ...password] = authority.slice(0, Math.max(at, 0)).split(':')
  const decoded = (part: string) => (part === '' ? undefined : decode(what, part, example))
  return {
    user: decoded(user),
    password: decoded(password.join(':')),
    hosts: readHosts(what, authority.slice(at + 1), example),
    database: decoded(path),
    parameters: new UrlParameters(what, readQuery(what, query, example)),
  }
}

/** `one:5432,two` */
export function readHosts(what: string, text: string, example: string): readonly UrlHost[] {
  return text.split(',').map((part) => {
    const { address, name = '', port = '' } = HOST.exec(part)?.groups ?? refuse(what, example)
    const number = Number(port)
    if (port !== '' && (number < 1 || number > 65_535)) refuse(what, example)
    const host = decode(what, address ?? name, example)
    return { host: host === '' ? undefined : host, port: port === '' ? undefined : number }
  })
}

function readQuery(what: string, query: string, example: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const [name = '', ...value] = pair.split('=').map((part) => decode(what, part.replaceAll('+', ' '), example))
    if (!PARAMETER_NAME.test(name)) refuse(what, example)
    if (values.has(name)) throw new ConfigurationError(`EventChannel.open: ${what} has the parameter ${name} twice`)
    values.set(name, value.join('='))
  }
  return values
}

function decode(what: string, part: string, example: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return refuse(what, example)
  }
}

function refuse(what: string, example: string): never {
  throw new ConfigurationError(
    `EventChannel.open: ${what} cannot be read (its parts are not those of ${example}): check them, and percent-encode what is special in the user and the password (% as %25, @ as %40, / as %2F, ? as %3F, # as %23)`,
  )
}

/** The part behind the question mark. Each parameter that is known is taken out by name; those that are left are refused. */
export class UrlParameters {
  readonly #what: string
  readonly #values: ReadonlyMap<string, string>
  readonly #known = new Set<string>()

  constructor(what: string, values: ReadonlyMap<string, string>) {
    this.#what = what
    this.#values = values
  }

  text(name: string): string | undefined {
    this.#known.add(name)
    const value = this.#values.get(name)
    return value === '' ? undefined : value
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value | undefined {
    const text = this.text(name)
    const found = values.find((value) => value === text)
    if (text !== undefined && found === undefined) this.refuse(name, `must be one of ${values.join(', ')}`)
    return found
  }

  whole(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) this.refuse(name, `must be a whole number from ${min} to ${max}`)
    return value
  }

  /** @throws {ConfigurationError} saying what is wrong with one of them; its value is not repeated */
  refuse(name: string, fault: string): never {
    throw new ConfigurationError(`EventChannel.open: ${this.#what}: ${name} ${fault}`)
  }

  /**
   * @param hints what to use instead of one that others know
   * @throws {ConfigurationError} naming one that was not asked for: a parameter without effect may be what keeps a
   *   connection secret
   */
  refuseRest(hints: Readonly<Record<string, string>> = {}): void {
    const names = [...this.#values.keys()]
    const unknown = names.find((name) => !this.#known.has(name))
    if (unknown === undefined) return
    // A raw & in a password makes a parameter of the rest of it.
    if (names.some((name) => name.endsWith('password')))
      this.refuse('a parameter', 'is unknown: check their names, and write & in a password as %26')
    const hint = hints[unknown] ?? `known are ${[...this.#known].sort().join(', ')}`
    throw new ConfigurationError(`EventChannel.open: ${this.#what} has the unknown parameter ${unknown}: ${hint}`)
  }
}
