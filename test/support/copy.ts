import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tsImport } from 'tsx/esm/api'
import type * as Rowcast from '../../src/index.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A copy of the library that a test has changed. Gone when disposed. */
export interface Copy extends Disposable {
  readonly rowcast: typeof Rowcast
}

/** @param change changes the copy in this folder, before it is loaded, and compiles its SQL in */
export async function openCopy(change: (folder: string) => void): Promise<Copy> {
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  // Inside the package, so that its dependencies are found.
  const folder = mkdtempSync(join(ROOT, '.tmp', 'copy-'))
  for (const part of ['src', 'sql', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  change(folder)
  return {
    rowcast: (await tsImport(join(folder, 'src', 'index.ts'), import.meta.url)) as typeof Rowcast,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
