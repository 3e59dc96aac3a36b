import { inspect } from 'node:util'
import * as assert from 'uvu/assert'

/** What somebody may leave raw in a password, where a URL means something by it. */
const RAW = ['#', '/', '?', '@', '%', '&', ':', '[', ']', ' ', '\\', '"', '%zz', '#@', '/@', '?@', '1/', '1?', '1#']
const PIECE = 'hunter2'

/** Passwords that put URLs out of shape, each with a piece to look for. */
export function oddPasswords(): readonly string[] {
  return RAW.flatMap((raw) => [`${raw}${PIECE}`, `${PIECE}${raw}${PIECE}`, `12${raw}${PIECE}=1`, `${PIECE}${raw}`])
}

/** Asserts that work rejects with an error in which no piece of such a password is found, however deep. */
export async function rejectsInSecret(work: Promise<unknown>, url: string): Promise<void> {
  const error = await work.then(
    () => assert.unreachable(),
    (thrown: unknown) => thrown,
  )
  assert.not.match(inspect(error, { depth: 20, showHidden: true }), new RegExp(PIECE), url)
}
