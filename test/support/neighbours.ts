import { randomBytes } from 'node:crypto'
import { type ChannelOptions, EventChannel } from '../../src/index.js'
import type { Place, TestDatabase } from './databases.js'
import { silent } from './logger.js'
import { listMigrations } from './sql.js'

/** Our relations, without prefix. */
const RELATIONS = listMigrations('mysql').flatMap(({ text }) =>
  [...text.matchAll(/create table if not exists rowcast_([a-z_]+)/g)].map(([, relation = '']) => relation),
)

/**
 * Channels in one database that only their schema or prefix tells apart, and a table of somebody else's among them that
 * must survive. All of it is gone when disposed.
 */
export class Neighbours implements AsyncDisposable {
  readonly place: Place
  /** The name of the other's table. */
  readonly canary: string
  readonly #database: TestDatabase
  readonly #channels: EventChannel[] = []
  readonly #names = new Set<string>()

  private constructor(database: TestDatabase, place: Place, canary: string) {
    this.#database = database
    this.place = place
    this.canary = canary
  }

  static async open(database: TestDatabase): Promise<Neighbours> {
    const place = await database.place()
    const canary = `c${randomBytes(3).toString('hex')}`
    await place.sql(`create table ${canary} (id integer)`)
    return new Neighbours(database, place, canary)
  }

  /** A name of this test's own that ends as asked, so that neighbours of other tests have no part in it. */
  unique(ending: string): string {
    return `${this.canary}${ending}`
  }

  /** The options that lead to the place of that name: its schema, or the prefix of its tables. */
  at(name: string): Pick<ChannelOptions, 'schema' | 'tablePrefix'> {
    this.#names.add(name)
    return 'schema' in this.place.options ? { schema: name } : { tablePrefix: name }
  }

  async channel(name: string, options: ChannelOptions = {}): Promise<EventChannel> {
    const complete = { backend: 'queue', logger: silent, ...this.at(name), ...options } as const
    const channel = await EventChannel.open(this.place.url, complete)
    this.#channels.push(channel)
    return channel
  }

  /** Rejects when the canary is gone. */
  async breathe(): Promise<void> {
    await this.place.sql(`select id from ${this.canary}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.close({ drainMs: 0 })))
    for (const name of this.#names) await this.#drop(name)
    await this.place.sql(`drop table if exists ${this.canary}`)
    await this.place[Symbol.asyncDispose]()
  }

  async #drop(name: string): Promise<void> {
    if (this.#database.family === 'postgres') {
      await this.place.sql(`drop schema if exists "${name.replaceAll('"', '""')}" cascade`)
    } else if (this.#database.family === 'mysql') {
      const tables = RELATIONS.map((relation) => `\`${`${name}${relation}`.replaceAll('`', '``')}\``)
      await this.place.sql(`drop table if exists ${tables.join(', ')}`)
    }
  }
}
