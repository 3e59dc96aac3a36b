import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { defer } from '../../src/common/wait.js'
import { throughPort } from './servers/own-server.js'

/** A text that one side sends. */
export type Sight = { readonly request: string } | { readonly answer: string }

export interface Trap {
  /**
   * What must be seen, one after the other on one connection. The answer to the last one is spoiled, which is that very
   * packet when it is an answer itself. Requests always reach the server.
   */
  readonly after: readonly Sight[]
  /**
   * What becomes of that answer and of the connection:
   * - `cut`: nothing of it arrives, the connection breaks;
   * - `cut all`: the same, and every other connection breaks, too;
   * - `half`: half of it arrives, then the connection breaks;
   * - `freeze`: nothing arrives any more in either direction, and nobody is told.
   */
  readonly how: 'cut' | 'cut all' | 'half' | 'freeze'
}

interface SetTrap extends Trap {
  readonly sprung: ReturnType<typeof defer<void>>
}

/** A TCP proxy of the test's own, which misbehaves on demand. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #traps = new Set<SetTrap>()
  #target: { host: string; port: number }
  #delayMs = 0
  #refusing = false
  /** Clients that wait to be let in; `undefined` when all are let in at once. */
  #held: Socket[] | undefined
  #requests = 0
  #isSilent = false

  private constructor(target: { host: string; port: number }) {
    this.#target = target
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#accept(client))
  }

  /** In front of the server that a database URL names. */
  static async open(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(addressOf(url))
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  /** The same URL, through this proxy. */
  through(url: string): string {
    return throughPort(url, (this.#server.address() as AddressInfo).port)
  }

  /** New connections lead to the server of this URL from now on. */
  lead(url: string): void {
    this.#target = addressOf(url)
  }

  /** How many connections are open through it. */
  get size(): number {
    return this.#links.size
  }

  /** How many packets came from clients. */
  get requests(): number {
    return this.#requests
  }

  /** Waits for a request, lets it reach the server, and spoils its answer; once. Resolves when that has happened. */
  trap(trap: Trap): Promise<void> {
    const set = { ...trap, sprung: defer<void>() }
    this.#traps.add(set)
    return set.sprung.promise
  }

  /** Breaks every connection. */
  cut(): void {
    for (const link of this.#links) link.cut()
  }

  /** Every connection of now goes silent for good, without anybody being told; new ones work. */
  freeze(): void {
    for (const link of this.#links) link.freeze()
  }

  /** Nothing passes any more, on connections of now and of later, and nobody is told. */
  silence(): void {
    this.#isSilent = true
    this.freeze()
  }

  /** Answers from now on are so many milliseconds late. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Whether new connections are broken at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing
  }

  /** Lets nobody in until the function that it returns is called: who comes meanwhile waits, and loses nothing. */
  hold(): () => void {
    const held: Socket[] = []
    this.#held = held
    return () => {
      this.#held = undefined
      for (const client of held) this.#accept(client)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#held ?? []) client.destroy()
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.on('error', () => undefined).destroy()
      return
    }
    if (this.#held !== undefined) {
      this.#held.push(client.pause())
      return
    }
    const link = new Link(client.resume(), connect(this.#target), {
      traps: this.#traps,
      delayMs: () => this.#delayMs,
      onRequest: () => {
        this.#requests++
      },
      onEnd: () => this.#links.delete(link),
      cutAll: () => this.cut(),
    })
    this.#links.add(link)
    if (this.#isSilent) link.freeze()
  }
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

/** How much of what each side sent is remembered, in bytes, for texts that two packets share. */
const TAIL_BYTES = 256

/** What a connection has of its proxy. */
interface LinkProxy {
  readonly traps: Set<SetTrap>
  delayMs(): number
  onRequest(): void
  onEnd(): void
  cutAll(): void
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #proxy: LinkProxy
  readonly #seen = new Map<SetTrap, number>()
  readonly #tails = { request: '', answer: '' }
  #armed: SetTrap | undefined
  #frozen = false
  #dueMs = 0

  constructor(client: Socket, server: Socket, proxy: LinkProxy) {
    this.#client = client.setNoDelay()
    this.#server = server.setNoDelay()
    this.#proxy = proxy
    client.on('data', (chunk) => this.#request(chunk))
    server.on('data', (chunk) => this.#answer(chunk))
    for (const socket of [client, server]) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        if (!this.#frozen) this.cut()
      })
    }
  }

  cut(): void {
    this.#client.destroy()
    this.#server.destroy()
    this.#proxy.onEnd()
  }

  /** Nothing is read any more, so that not even the end of one side is told to the other. */
  freeze(): void {
    this.#frozen = true
    this.#client.pause()
    this.#server.pause()
  }

  #request(chunk: Buffer): void {
    if (this.#frozen) return
    this.#proxy.onRequest()
    this.#look('request', chunk)
    this.#server.write(chunk)
  }

  #answer(chunk: Buffer): void {
    if (this.#frozen) return
    this.#look('answer', chunk)
    if (this.#armed !== undefined) this.#spring(this.#armed, chunk)
    else this.#passOn(chunk)
  }

  #look(side: 'request' | 'answer', chunk: Buffer): void {
    if (this.#proxy.traps.size === 0) return
    let text = this.#tails[side] + chunk.toString('latin1')
    for (const trap of this.#proxy.traps) text = this.#advance(trap, side, text)
    this.#tails[side] = text.slice(-TAIL_BYTES)
  }

  /** Looks for what a trap waits for next; what was found is forgotten, so that it is not found again. */
  #advance(trap: SetTrap, side: 'request' | 'answer', text: string): string {
    for (let next = this.#seen.get(trap) ?? 0; ; next++) {
      this.#seen.set(trap, next)
      const sight: { request?: string; answer?: string } = trap.after[next] ?? {}
      const wanted = sight[side]
      const end = wanted === undefined ? -1 : endOf(text, wanted)
      if (end < 0) return text
      text = text.slice(end)
      if (next + 1 < trap.after.length) continue
      this.#proxy.traps.delete(trap)
      this.#armed = trap
      return text
    }
  }

  #spring({ how, sprung }: SetTrap, answer: Buffer): void {
    this.#armed = undefined
    if (how === 'freeze') this.freeze()
    else if (how === 'cut') this.cut()
    else if (how === 'cut all') this.#proxy.cutAll()
    else this.#client.write(answer.subarray(0, Math.floor(answer.length / 2)), () => this.cut())
    sprung.resolve()
  }

  /** Late when the proxy says so, and never before what came earlier. */
  #passOn(chunk: Buffer): void {
    const now = performance.now()
    this.#dueMs = Math.max(this.#dueMs, now + this.#proxy.delayMs())
    if (this.#dueMs <= now) this.#client.write(chunk)
    else setTimeout(() => this.#client.write(chunk), this.#dueMs - now)
  }
}

/** Where a text ends, as it is or in hexadecimal, as statements for MySQL that are not prepared write it; -1 without it. */
function endOf(text: string, wanted: string): number {
  for (const form of [wanted, Buffer.from(wanted).toString('hex')]) {
    const at = text.indexOf(form)
    if (at >= 0) return at + form.length
  }
  return -1
}
