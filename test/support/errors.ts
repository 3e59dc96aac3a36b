import * as assert from 'uvu/assert'
import { type ErrorCode, RowcastError } from '../../src/index.js'

/** Asserts that a promise rejects with one of our errors, of this code, whose message matches. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<RowcastError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome)
    throw new Error(`resolved with ${JSON.stringify(outcome.value)} instead of rejecting with ${code}`)
  return check(outcome.error, code, message)
}

/** The same for what throws at once. */
export function throws(work: () => unknown, code: ErrorCode, message: RegExp): RowcastError {
  try {
    work()
  } catch (error) {
    return check(error, code, message)
  }
  throw new Error(`returned instead of throwing ${code}`)
}

function check(error: unknown, code: ErrorCode, message: RegExp): RowcastError {
  if (!(error instanceof RowcastError)) throw error
  assert.is(error.code, code, error.message)
  assert.match(error.message, message)
  return error
}
