/**
 * Where rowcast says what it decided to go on from; `console` and most logging libraries fit. Each method gets one line of
 * text and, where there is more to say, a plain object.
 */
export interface Logger {
  debug(message: string, details?: Record<string, unknown>): void
  info(message: string, details?: Record<string, unknown>): void
  warn(message: string, details?: Record<string, unknown>): void
  error(message: string, details?: Record<string, unknown>): void
}

/** What a logger throws must not decide what happens to an event. */
export function guarded(logger: Logger): Logger {
  const guard = (level: keyof Logger) => (message: string, details?: Record<string, unknown>) => {
    try {
      logger[level](message, details)
    } catch {
      // There is nowhere left to say it.
    }
  }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}

/** Warnings and errors go to the console; the rest is for those who bring a logger of their own. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, details) => console.warn(`rowcast: ${message}`, details ?? ''),
  error: (message, details) => console.error(`rowcast: ${message}`, details ?? ''),
}
