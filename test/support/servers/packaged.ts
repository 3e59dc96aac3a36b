import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from '../../../src/common/errors.js'
import { type Command, findProgram, runCommand } from './own-server.js'

/** What was fetched stays for the next run; git ignores it. */
const CACHE = fileURLToPath(new URL('../../../.tmp/', import.meta.url))
const FOLDERS = ['/usr/sbin', '/usr/local/sbin']

/**
 * How to run a small program: the one that is installed, or one unpacked from Debian's packages, which needs no rights.
 * @param packages the program's, and those of the libraries it needs that a small system may lack
 * @param folder where they are unpacked
 * @throws when it is neither installed nor to be had
 */
export function findPackaged(name: string, packages: readonly string[], folder: string): Command {
  const installed = findProgram(name, FOLDERS)
  if (installed !== undefined) return { file: installed, args: [] }
  for (const file of download(name, packages)) runCommand('dpkg', ['-x', file, join(folder, 'root')])
  const libraries = join(folder, 'root/usr/lib')
  const path = readdirSync(libraries).map((architecture) => join(libraries, architecture))
  return {
    file: 'env',
    args: [`LD_LIBRARY_PATH=${[...path, libraries].join(':')}`, join(folder, 'root/usr/sbin', name)],
  }
}

function download(name: string, packages: readonly string[]): readonly string[] {
  const cache = join(CACHE, name)
  mkdirSync(cache, { recursive: true })
  const cached = () =>
    readdirSync(cache)
      .filter((file) => file.endsWith('.deb'))
      .map((file) => join(cache, file))
  if (cached().length === packages.length) return cached()
  const fetch = () => runCommand('apt-get', ['download', ...packages], { cwd: cache })
  try {
    if (!existsSync('/etc/debian_version')) throw new Error('this is not Debian')
    try {
      fetch()
    } catch {
      // The lists of packages may be missing or old.
      runCommand('apt-get', ['update'])
      fetch()
    }
    return cached()
  } catch (error) {
    throw new Error(
      `there is no ${name} on the path, and it cannot be downloaded (${describe(error)}): install it, as by apt-get install ${packages[0]}`,
    )
  }
}
