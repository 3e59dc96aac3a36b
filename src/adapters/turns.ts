/** What is still to be done on each handle, by any object of this process. */
const turns = new WeakMap<object, Promise<unknown>>()

/**
 * Does work on a transaction's handle once all that was begun on it before is over: a unit of work takes several
 * statements, between which no other may run, and drivers want one at a time.
 */
export function inTurn<Result>(handle: object, work: () => Promise<Result>): Promise<Result> {
  const before = turns.get(handle)
  const turn = before === undefined ? work() : before.then(work)
  const over = turn.then(ignore, ignore)
  turns.set(handle, over)
  return turn
}

function ignore(): void {}
