import { ConfigurationError, ConnectionError, RowcastError } from '../../../../common/errors.js'
import type { Row } from '../../unit-of-work.js'
import { PROBE_TIMEOUT_MS } from '../opening.js'
import { type CoreConnection, coreOf } from './driver.js'
import type { Session } from './session.js'

/** What every session of our own is set to, whatever the server's defaults are. */
export const OWN_SESSION = [
  `set names utf8mb4,
    session autocommit = 1,
    session completion_type = 0,
    session sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
    session sql_safe_updates = 0,
    session sql_select_limit = 18446744073709551615,
    session sql_big_selects = 1`,
  'set session transaction isolation level read committed, read write',
]

/** Texts of several scripts and planes, and what a driver that writes values into texts would take for their places. */
const TEXT = 'Zoë Łж 日本 😀'
const KEPT = ':a ? ??'
const HEX = Buffer.from(TEXT).toString('hex').toUpperCase()
const HEARD = `select
  hex(convert('${TEXT}' using utf8mb4)) as heard,
  convert(x'${HEX}' using utf8mb4) as told,
  '${KEPT}' as kept,
  @@session.sql_mode as sql_mode,
  @@session.sql_select_limit as sql_select_limit,
  @@session.sql_big_selects as sql_big_selects,
  @@session.max_allowed_packet as max_allowed_packet`
/** What not every server has; asked last, since some of the settings above would cut this answer. */
const SHOWN = `show session variables
  where variable_name in ('log_bin', 'binlog_format', 'transaction_read_only', 'tx_read_only')`
/** Fewer rows than this may cut an answer of ours. */
const ALL_ROWS = 1e9

/** What a session says of its server. */
export interface Settings {
  readonly maxAllowedPacket: number
}

/** What was found of each connection, by the driver's own object for it: asked once, however often it is used. */
const known = new WeakMap<object, Promise<Settings>>()

/**
 * Asks a session that is not our own, once, what it would make of our statements.
 * @throws {ConfigurationError} naming the setting that nothing we do can make good
 */
export function meet(session: Session): Promise<Settings> {
  const core = coreOf(session.connection)
  const before = known.get(core)
  if (before !== undefined) return before
  const asking = ask(session)
  known.set(core, asking)
  asking.catch((error: unknown) => {
    if (error instanceof ConnectionError) known.delete(core)
  })
  return asking
}

async function ask(session: Session): Promise<Settings> {
  const [row] = await session.command(HEARD, PROBE_TIMEOUT_MS).catch(noneWhenGarbled)
  if (row?.heard !== HEX || row.told !== TEXT || row.kept !== KEPT) throw garbled(session)
  checkAsked(row)
  const rows = await session.command(SHOWN)
  checkShown(Object.fromEntries(rows.map((shown) => [String(shown.Variable_name).toLowerCase(), shown.Value])))
  return { maxAllowedPacket: Number(row.max_allowed_packet) }
}

/** In some character sets even the quotes are lost. */
function noneWhenGarbled(error: unknown): readonly Row[] {
  if (error instanceof RowcastError && error.code === 'DATABASE') return []
  throw error
}

function garbled({ connection }: Session): ConfigurationError {
  const { config } = coreOf(connection) as CoreConnection
  return new ConfigurationError(
    config?.queryFormat === undefined
      ? "mysql: this connection does not carry every text (its charset, or what set names, character_set_client, character_set_connection or character_set_results made of it): make the pool with charset: 'utf8mb4'"
      : 'mysql: the queryFormat of this connection changes a statement without values: make a pool without queryFormat',
  )
}

const OR_BY_URL = 'or let rowcast make its own pool by URL'

function checkAsked({ sql_mode, sql_select_limit, sql_big_selects }: Row): void {
  if (String(sql_mode).includes('EMPTY_STRING_IS_NULL')) {
    throw unfit('sql_mode', sql_mode, `it makes a null of what is empty: leave EMPTY_STRING_IS_NULL out, ${OR_BY_URL}`)
  }
  if (Number(sql_select_limit) < ALL_ROWS) {
    throw unfit('sql_select_limit', sql_select_limit, `it cuts answers: set it to default, ${OR_BY_URL}`)
  }
  if (Number(sql_big_selects) === 0) {
    throw unfit(
      'sql_big_selects',
      sql_big_selects,
      `the server may refuse to look (max_join_size): set it to 1, ${OR_BY_URL}`,
    )
  }
}

function checkShown(shown: Row): void {
  const isOn = (name: string) => shown[name] === 'ON'
  if (isOn('log_bin') && shown.binlog_format === 'STATEMENT') {
    throw unfit('binlog_format', 'STATEMENT', 'the server cannot log READ COMMITTED that way: set it to MIXED or ROW')
  }
  for (const name of ['transaction_read_only', 'tx_read_only']) {
    if (isOn(name)) throw unfit(name, 'ON', `nothing can be written: set it to 0, ${OR_BY_URL}`)
  }
}

function unfit(name: string, value: unknown, what: string): ConfigurationError {
  return new ConfigurationError(`mysql: ${name} is ${value} in this session; ${what}`)
}
