/** What an event of a run looks like: numbered, stamped where latency is measured, filled up to its size. */
export interface Payload {
  readonly n: number
  /** `process.hrtime.bigint()` of the publish call: one clock for every process of a machine. */
  readonly sentNs?: string
  readonly fill: string
}

/** Where a contestant works and how it is set. Travels to another process as JSON. */
export interface Settings {
  readonly url: string
  /** A schema, prefix or name of this run's own. */
  readonly place: string
  /** Channels that events are spread over. */
  readonly channels?: readonly string[]
  /** The contestant's own options. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface ConsumeOptions {
  readonly concurrency: number
}

/** A contestant at work in this process. */
export interface Session extends AsyncDisposable {
  /** Resolves once the event is stored or sent. */
  publish(payload: Payload): Promise<unknown>
  /** Several in one call. */
  publishMany(payloads: readonly Payload[]): Promise<unknown>
  /** Hands each event to the handler from now on; resolves once it is live. */
  consume(handler: (payload: Payload) => Promise<void>, options: ConsumeOptions): Promise<AsyncDisposable>
}

/** A module of contestants/: one product, or a driver without any. */
export interface Contestant {
  open(settings: Settings): Promise<Session>
}

export const CONTESTANTS = [
  'rowcast',
  'rowcast-many',
  'raw-postgres',
  'raw-woken',
  'raw-notify',
  'raw-mysql',
  'raw-sqlite',
  'graphile-worker',
  'pg-boss',
  'bullmq',
  'plainjob',
] as const
export type ContestantName = (typeof CONTESTANTS)[number]

export async function loadContestant(name: ContestantName): Promise<Contestant> {
  return (await import(`./contestants/${name}.ts`)) as Contestant
}

/** An event of so many bytes of JSON. */
export function makePayload(n: number, bytes: number, sentNs?: string): Payload {
  if (sentNs === undefined) return { n, fill: filler(bytes - '{"n":,"fill":""}'.length - String(n).length) }
  return { n, sentNs, fill: filler(bytes - JSON.stringify({ n, sentNs, fill: '' }).length) }
}

const fillers = new Map<number, string>()

function filler(length: number): string {
  const known = fillers.get(length)
  if (known !== undefined) return known
  const made = 'x'.repeat(Math.max(0, length))
  fillers.set(length, made)
  return made
}
