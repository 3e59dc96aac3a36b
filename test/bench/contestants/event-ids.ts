/** Ids for raw inserts: ever increasing, of the right form, and as cheap as can be, so that the driver is all there is. */
export function* eventIds(): Generator<string, never> {
  const head = Date.now().toString(16).padStart(12, '0')
  const node = process.pid.toString(16).padStart(4, '0').slice(-4)
  for (let n = 0; ; n++) {
    const count = n.toString(16).padStart(8, '0')
    yield `${head.slice(0, 8)}-${head.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3, 6)}-${count.slice(6)}000000${node}`
  }
}

/** Repeats a step until it is stopped, and waits for the last one. */
export function repeat(step: () => Promise<void>): AsyncDisposable {
  let stopped = false
  const running = (async () => {
    while (!stopped) await step()
  })()
  return {
    async [Symbol.asyncDispose]() {
      stopped = true
      await running
    },
  }
}
