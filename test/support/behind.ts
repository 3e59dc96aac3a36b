import type { ChannelOptions, EventChannel } from '../../src/index.js'
import type { TestDatabase } from './databases.js'
import { TcpProxy } from './proxy.js'
import { World } from './world.js'

/** A world with a proxy: one channel goes straight to the server, `channel` goes through the proxy. */
export class Behind implements AsyncDisposable {
  readonly world: World
  readonly proxy: TcpProxy
  readonly channel: EventChannel

  private constructor(world: World, proxy: TcpProxy, channel: EventChannel) {
    this.world = world
    this.proxy = proxy
    this.channel = channel
  }

  static async open(database: TestDatabase, options: ChannelOptions = {}): Promise<Behind> {
    const world = await World.open(database, options)
    const proxy = await TcpProxy.open(world.place.url)
    try {
      return new Behind(world, proxy, await world.another(options, proxy.through(world.place.url)))
    } catch (error) {
      await proxy[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
      throw error
    }
  }

  /** In which tables an event with this text in its payload is, once for each row. */
  async whereIs(text: string): Promise<readonly string[]> {
    const found: string[] = []
    for (const table of ['queue', 'scheduled', 'history', 'dead_letter']) {
      const { place } = this.world
      const rows = await place.sql(
        `select 1 from ${place.table(table)} where cast(payload as char(1000)) like '%${text}%'`,
      )
      for (const _ of rows) found.push(table)
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.cut()
    await this.world[Symbol.asyncDispose]()
    await this.proxy[Symbol.asyncDispose]()
  }
}
