import { cpus, loadavg } from 'node:os'

/** How many times longer than it says a test waits before it gives up: on a busy machine things take longer. */
const PATIENCE = 4

/** Resolves with the promise, or rejects when it takes much longer than `ms` milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'it'): Promise<T> {
  const limitMs = ms * PATIENCE
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again every few milliseconds until the answer is truthy, and returns it; gives up after much more than `ms` milliseconds. */
export async function eventually<T>(ms: number, probe: () => T | Promise<T>, everyMs = 5): Promise<T> {
  const limitMs = ms * PATIENCE
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/**
 * A limit for what a machine with time to spare does in `time` milliseconds or seconds: longer by as much as more wants to run
 * than there are cores. For times that are promised; what is only waited for has `within` and `eventually`.
 */
export function onThisMachine(time: number): number {
  const [load = 0] = loadavg()
  return time * Math.max(1, load / cpus().length)
}
