import type { Who } from '../entries.js'

/* Everybody, as the lines know them. */

export const rowcast: Who = {
  name: 'rowcast',
  contestant: 'rowcast',
  ground: 'postgres',
  options: { retentionMs: 0 },
}
export const rawPostgres: Who = { name: 'raw pg', contestant: 'raw-postgres', ground: 'postgres' }
export const rawWoken: Who = { name: 'raw pg, woken by NOTIFY', contestant: 'raw-woken', ground: 'postgres' }
export const graphile: Who = { name: 'graphile-worker', contestant: 'graphile-worker', ground: 'postgres' }
export const graphileTuned: Who = { ...graphile, name: 'graphile-worker, local queue', options: { tuned: true } }
export const pgBoss: Who = { name: 'pg-boss', contestant: 'pg-boss', ground: 'postgres' }
export const pgBossTuned: Who = { ...pgBoss, name: 'pg-boss, by 500', options: { tuned: true } }
export const bullmq: Who = { name: 'BullMQ', contestant: 'bullmq', ground: 'redis' }
export const rawNotify: Who = { name: 'raw NOTIFY', contestant: 'raw-notify', ground: 'postgres' }
export const rowcastNotify: Who = { ...rowcast, options: { backend: 'notify' } }
export const rowcastOnMysql: Who = { ...rowcast, ground: 'mariadb' }
export const rawMysql: Who = { name: 'raw mysql2', contestant: 'raw-mysql', ground: 'mariadb' }
export const rowcastOnSqlite: Who = { ...rowcast, ground: 'sqlite' }
export const rawSqlite: Who = { name: 'raw better-sqlite3', contestant: 'raw-sqlite', ground: 'sqlite' }
export const plainjob: Who = { name: 'plainjob', contestant: 'plainjob', ground: 'sqlite' }

/** With everything left as it is when nothing is said. */
export function withDefaults(who: Who, name = who.name): Who {
  return { ...who, name, options: {} }
}
