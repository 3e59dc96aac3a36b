import { call, type Work } from '../../adapters/adapter.js'
import type { EventId, NewEvent } from '../../event.js'
import type { BackendContext } from '../backend.js'
import { chunk } from '../chunk.js'
import type { Storage } from '../publisher.js'

/** The log, where published events are appended. */
export class LogStorage implements Storage {
  readonly #context: BackendContext

  constructor(context: BackendContext) {
    this.#context = context
  }

  join(events: readonly NewEvent[], topics: readonly string[]): Work<readonly EventId[]> {
    return append(events, topics, false)
  }

  /** An attempt whose answer was lost may have stored the events; the next one says so, and whoever numbers them looks. */
  async store(events: readonly NewEvent[], topics: readonly string[], attempt: number): Promise<readonly EventId[]> {
    const { adapter, clock } = this.#context
    const retried = attempt > 1
    if (chunk(events).length > 1) return adapter.transaction(() => append(events, topics, retried))
    const [answer] = await adapter.run('append', { events: events.map((event) => toLogRow(event, retried)), topics })
    if (answer?.now_ms !== undefined) clock.observe(Number(answer.now_ms))
    return events.map(({ id }) => id)
  }
}

function* append(events: readonly NewEvent[], topics: readonly string[], retried: boolean): Work<readonly EventId[]> {
  for (const [index, part] of chunk(events).entries()) {
    yield* call('append', {
      events: part.map((event) => toLogRow(event, retried)),
      topics: index === 0 ? topics : [],
    })
  }
  return events.map(({ id }) => id)
}

function toLogRow({ id, channel, payload, metadata }: NewEvent, retried: boolean) {
  return { id, channel, payload, metadata, retried }
}
