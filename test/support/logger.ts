import type { Logger } from '../../src/index.js'

const ignore = () => undefined

/** For tests that provoke warnings on purpose. */
export const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** Keeps what was logged. */
export function recorder(): Logger & { readonly lines: { level: string; message: string; details: unknown }[] } {
  const lines: { level: string; message: string; details: unknown }[] = []
  const at = (level: string) => (message: string, details?: unknown) => void lines.push({ level, message, details })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
