import type pg from 'pg'

/** Has a client listen to one place, until it is disposed of. */
export async function listening(
  client: pg.Client,
  place: string,
  onNotification: (notification: pg.Notification) => void,
): Promise<AsyncDisposable> {
  client.on('notification', onNotification)
  await client.query(`listen "${place}"`)
  return {
    async [Symbol.asyncDispose]() {
      client.off('notification', onNotification)
    },
  }
}
