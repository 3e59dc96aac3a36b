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
      const { event } = (typeof payload === 'string' ? JSON.parse(payload) : payload) as { event: string }
      recorder.record({ type: 'found', event, id: String(id), stage: stage as Stage, attempts: Number(attempts) })
    }
  }
  recorder.record({ type: 'accounted' })
}
