import pg from 'pg'

/** Takes every client of a pool, runs the same on each, and releases them: what an application leaves behind. */
export async function leaveIn(pool: pg.Pool, size: number, statements: readonly string[]): Promise<void> {
  const clients = await Promise.all(Array.from({ length: size }, () => pool.connect()))
  for (const client of clients) {
    for (const statement of statements) await client.query(statement).catch(() => undefined)
  }
  for (const client of clients) client.release()
}

/** Versions of `pg` before 8.19 do not tell how a session stands. */
export class SilentClient extends pg.Client {
  override getTransactionStatus = undefined as unknown as pg.Client['getTransactionStatus']
}
