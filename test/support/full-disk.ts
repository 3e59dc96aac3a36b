import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './servers/own-server.js'

/** A disk that a test can fill. */
export interface SmallDisk extends Disposable {
  readonly folder: string
  fill(): void
  clear(): void
}

/** A file system of its own in memory; `undefined` where this process may not mount one. */
export function smallDisk(bytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-disk-'))
  try {
    runCommand('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'rowcast', folder])
  } catch (error) {
    console.log(`NOT TESTED: a full disk, since no file system can be mounted here (${error})`)
    rmSync(folder, { recursive: true })
    return undefined
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill() {
      // As much as fits.
      try {
        for (let size = bytes; size >= 1; size = size >> 1)
          tryTo(() => writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' }))
      } finally {
        tryTo(() => writeFileSync(ballast, Buffer.alloc(4_096), { flag: 'a' }))
      }
    },
    clear: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]() {
      runCommand('umount', ['-l', folder])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function tryTo(work: () => void): void {
  try {
    work()
  } catch {
    // It is full.
  }
}

/** This process may write no further into any file, or may again. Needs no rights. */
export function limitFiles(limited: boolean): void {
  runCommand('prlimit', ['--pid', String(process.pid), `--fsize=${limited ? 0 : 'unlimited'}:`])
}
