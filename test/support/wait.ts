/** Resolves with the promise, or rejects when it takes longer than `ms` milliseconds. */
export async function within<T>(ms: number, promise: Promise<T>, what = 'it'): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again every few milliseconds until the answer is truthy, and returns it. */
export async function eventually<T>(ms: number, probe: () => T | Promise<T>, everyMs = 5): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
