/** What is to happen when a signal aborts, by signal. */
const actions = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back once when a signal aborts, at once when it has aborted already. All that share a signal share one listener on it:
 * Node warns of a leak at the eleventh.
 * @returns what ends it
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action()
    return () => undefined
  }
  const shared = actions.get(signal) ?? follow(signal)
  shared.add(action)
  return () => void shared.delete(action)
}

function follow(signal: AbortSignal): Set<() => void> {
  const shared = new Set<() => void>()
  actions.set(signal, shared)
  const abort = () => {
    for (const action of shared) action()
  }
  signal.addEventListener('abort', abort, { once: true })
  return shared
}
