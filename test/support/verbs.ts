import { FIRST_ID } from '../../src/common/clock.js'
import { hope } from '../../src/engines/sql/databases/mysql/hopeful.js'
import type { Question } from '../../src/engines/sql/unit-of-work.js'
import * as append from '../../src/engines/sql/verbs/append.js'
import * as claim from '../../src/engines/sql/verbs/claim.js'
import * as group from '../../src/engines/sql/verbs/group.js'
import * as notify from '../../src/engines/sql/verbs/notify.js'
import * as operate from '../../src/engines/sql/verbs/operate.js'
import * as publish from '../../src/engines/sql/verbs/publish.js'
import * as read from '../../src/engines/sql/verbs/read.js'
import * as schema from '../../src/engines/sql/verbs/schema.js'
import * as sequence from '../../src/engines/sql/verbs/sequence.js'
import * as settle from '../../src/engines/sql/verbs/settle.js'
import type { NewEvent } from '../../src/event.js'

const event: NewEvent = {
  ...{ id: FIRST_ID, channel: 'orders', payload: '1', metadata: null, priority: 5, delay: null },
  ...{ key: null, maxAttempts: 5 },
}
const events = [event]
const ids = [FIRST_ID]
const channels = ['orders']
const topics = ['topic']
const naps = [1]
const delivery = { channel: 'orders', priority: 5, id: FIRST_ID, key: null, lease: { token: 't' } }
const leader = { group: 'g', token: 't' }
const claimed = { channel: 'orders', token: 't', leaseMs: 1, limit: 1 }
const places = { queue: ['', 0, ''], scheduled: ['', 0, ''], dead_letter: ['', '', ''] }
const acked = claim.ackAndClaim({ ...claimed, acked: [delivery], keepHistory: true, consumer: 'c', ranges: [] })
const hoped = hope(acked.parameters)
if (hoped === undefined) throw new Error('no hope')

/** Each verb, as it is asked. */
export const EXAMPLES: readonly Question<unknown>[] = [
  ...[publish.publishOne(event), publish.publishOneAndNotify(event, 'topic'), publish.publish(events, topics)],
  ...[publish.publishAgain(events, topics), publish.schedule(events), publish.find(events)],
  ...[publish.takeKeys(events), publish.findKeys(events), publish.probeKeys(events)],
  ...[claim.claim(claimed), acked, hoped.question, claim.nextDue(channels), claim.promote(channels, 1)],
  ...[claim.probeQueue(channels), claim.longPollQueue(channels, naps)],
  settle.release('orders', [{ delivery, isUntried: true, error: null }]),
  settle.reschedule('orders', [{ delivery, delayMs: 1, error: null }]),
  settle.deadLetter('orders', [{ delivery, error: 'no' }]),
  ...[settle.extend([delivery], 1), settle.findLeased([delivery]), settle.findAcked([delivery])],
  settle.purgeHistory(1, 1),
  ...[append.append(events, topics, true), append.appendAgain(events, topics, 0), append.findAppended('orders', ids)],
  sequence.sequence({ channels, limit: 1, fromId: FIRST_ID, mostBytes: 1, maxAttempts: 5 }),
  ...[sequence.probeLog(FIRST_ID), sequence.longPollLog(FIRST_ID, 0, naps), sequence.findPosition(0)],
  sequence.restoreHead(),
  read.readLog({ channel: 'orders', group: 'g', after: 0, until: 1 }, 1, 5),
  ...[read.findPurged(channels), read.purgeLog({ retentionMs: 1, dropUnread: false, limit: 1, after: 0 })],
  ...[group.enroll(channels, 'g', 0), group.leaseGroup(channels, leader, 1, 'c')],
  group.writeCheckpoint([{ channel: 'orders', position: 1 }], leader, 1),
  group.findCheckpoints([{ channel: 'orders', position: 1 }], leader),
  ...[group.extendGroup(channels, leader, 1), group.findGroupLeases(channels, leader)],
  group.stepDown(channels, leader, topics),
  group.deadLetterEntry({ channel: 'orders', position: 1, attempts: 1, maxAttempts: 5, error: 'no' }, leader),
  ...[notify.broadcastOne('topic', 'text'), notify.broadcast(topics, ['text']), notify.wake(topics)],
  ...[notify.spill(events), notify.readSpill(ids), notify.purgeSpill(1, 1)],
  ...[operate.countQueue(null, places, 1), operate.countLog(null, { head: [''], dead_letter: ['', '', ''] }, 1)],
  operate.listDeadLetters({ ofGroups: false, channel: null, id: null, after: null, limit: 1 }),
  ...[operate.retryDeadLetters(ids, topics), operate.retryGroupDeadLetters(ids, topics)],
  operate.discardDeadLetters(ids, { reason: 'no', keepHistory: true, ofGroups: false }),
  ...[operate.listGroups(null, null), operate.countLag('orders', 'g', 0, 1)],
  ...[operate.seekGroup(null, 'g', 0), operate.deleteGroup(null, 'g')],
  ...[schema.readClock(), schema.findMigrationsTable('x'), schema.listMigrations(), schema.findPolicies('rowcast')],
  schema.recordMigration({ version: 1, name: 'x', checksum: 'c', compatibleFrom: 1 }),
  schema.agreeRetention('log', { retentionMs: 1, dropUnread: false }),
]
