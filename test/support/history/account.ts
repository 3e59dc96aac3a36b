import type { Place } from '../databases.js'
import type { Stage } from './fact.js'
import type { Recorder } from './recorder.js'

const TABLES = [
  { table: 'queue', stage: "'queue'" },
  { table: 'scheduled', stage: "'scheduled'" },
  { table: 'history', stage: 'outcome' },
  { table: 'dead_letter', stage: "'dead'" },
] as const

/**
 * Records where every event of a place is, in whatever stage of life, for the judge to compare with what was told. The
 * channels must keep their history (`retentionMs > 0`), and payloads must carry the event's name as `event`.
 */
export async function account(place: Place, recorder: Recorder): Promise<void> {
  for (const { table, stage } of TABLES) {
    const rows = await place.sql(`select id, payload, attempts, ${stage} as stage from ${place.table(table)}`)
    for (const { id, payload, attempts, stage } of rows) {
      const event = nameOf(payload)
      recorder.record({ type: 'found', event, id: String(id), stage: stage as Stage, attempts: Number(attempts) })
    }
  }
  recorder.record({ type: 'accounted' })
}

/** The same for a log that one group reads: what its checkpoint has passed is settled, if it is no dead letter. */
export async function accountLog(place: Place, recorder: Recorder): Promise<void> {
  const ids = async (table: string) =>
    new Set((await place.sql(`select id from ${place.table(table)}`)).map(({ id }) => id))
  const [checkpoint] = await place.sql(`select k.position as mark from ${place.table('checkpoint')} k`)
  const dead = await ids('dead_letter')
  for (const { id, payload, place: position } of await place.sql(
    `select l.id, l.payload, l.position as place from ${place.table('log')} l`,
  )) {
    const passed = Number(position) <= Number(checkpoint?.mark ?? 0)
    const stage: Stage = dead.has(id) ? 'dead' : passed ? 'acked' : 'queue'
    recorder.record({ type: 'found', event: nameOf(payload), id: String(id), stage, attempts: 0 })
  }
  recorder.record({ type: 'accounted' })
}

function nameOf(payload: unknown): string {
  return ((typeof payload === 'string' ? JSON.parse(payload) : payload) as { event: string }).event
}
