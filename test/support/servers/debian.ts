import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from '../../../src/common/errors.js'
import { type Command, runCommand } from './own-server.js'

/** What was fetched stays for the next run; git ignores it. */
const CACHE = fileURLToPath(new URL('../../../.tmp/debian/', import.meta.url))
const APT = '/etc/apt'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Where packages come from, as the system's own list says it. */
export interface AptSource {
  readonly uri: string
  /** A keyring's file, or the text of a key; apt's own trusted keys where nothing is said. */
  readonly signedBy: string | undefined
}

/**
 * Packages of Debian unstable with every library that they need, down to libc, unpacked into a folder. By a state of apt of
 * its own: nothing of the system is changed, and no rights are needed.
 * @throws when this is not Debian, or when none of the system's own sources has them
 */
export function fetchFromDebian(packages: readonly string[]): string {
  const kept = join(CACHE, packages.join('+'))
  if (existsSync(kept)) return kept
  if (!existsSync('/etc/debian_version')) throw new Error('only Debian has packages that can be unpacked here')
  mkdirSync(CACHE, { recursive: true })
  const refusals: string[] = []
  for (const source of readSources(APT)) {
    const folder = mkdtempSync(join(CACHE, 'fetching-'))
    try {
      download(source, packages, folder)
      unpack(folder, kept)
      return kept
    } catch (error) {
      refusals.push(`${source.uri}: ${describe(error)}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new Error(
    `none of apt's sources has ${packages.join(', ')} in Debian unstable: ${refusals.join('; ') || 'none'}`,
  )
}

/** The sources of packages that a folder like /etc/apt names, in either format, without those that are turned off. */
export function readSources(folder: string): readonly AptSource[] {
  const parts = join(folder, 'sources.list.d')
  const files = existsSync(parts) ? readdirSync(parts).sort() : []
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const sources = [
    ...readLines(read(join(folder, 'sources.list'))),
    ...files.flatMap((file) => {
      if (file.endsWith('.list')) return readLines(read(join(parts, file)))
      return file.endsWith('.sources') ? readParagraphs(read(join(parts, file))) : []
    }),
  ]
  return sources.filter(({ uri }, index) => sources.findIndex((other) => other.uri === uri) === index)
}

/** `deb [signed-by=… arch=…] uri suite component …`, one to a line. */
function readLines(text: string): readonly AptSource[] {
  return [...text.matchAll(/^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+\S+/gm)].map(([, options = '', uri = '']) => ({
    uri,
    signedBy: /\bsigned-by=(\S+)/.exec(options)?.[1],
  }))
}

/** Fields by name, one paragraph to a source; a line that begins with a space goes on with the one before. */
function readParagraphs(text: string): readonly AptSource[] {
  const plain = text.replace(/^#.*\n?/gm, '')
  return plain.split(/\n\s*\n/).flatMap((paragraph) => {
    const field = (name: string) =>
      new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'im')
        .exec(paragraph)?.[1]
        ?.replace(/^[ \t]+\.?/gm, '')
        .trim()
    const isOff = /^(no|false|0)$/i.test(field('Enabled') ?? '')
    if (isOff || !/\bdeb\b/.test(field('Types') ?? '')) return []
    const uris = (field('URIs') ?? '').split(/\s+/).filter((uri) => uri !== '')
    return uris.map((uri) => ({ uri, signedBy: field('Signed-By') }))
  })
}

function download({ uri, signedBy }: AptSource, packages: readonly string[], folder: string): void {
  for (const needed of ['lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(folder, needed), { recursive: true })
  // Nothing is installed as far as this state knows, so that every library comes along.
  writeFileSync(join(folder, 'status'), '')
  writeFileSync(join(folder, 'sources.list'), `deb ${signing(signedBy, folder)}${uri} sid main\n`)
  const options = [
    `Dir::Etc::sourcelist=${join(folder, 'sources.list')}`,
    'Dir::Etc::sourceparts=-',
    'Dir::Etc::preferencesparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::State::status=${join(folder, 'status')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    `Dir::Cache::archives=${join(folder, 'cache', 'archives')}`,
    `Dir::Log=${folder}`,
    'APT::Sandbox::User=root',
    'APT::Install-Recommends=false',
    'Debug::NoLocking=true',
  ].flatMap((option) => ['-o', option])
  runCommand('apt-get', [...options, '-qq', 'update'])
  runCommand('apt-get', [...options, '-qq', '-y', '--download-only', 'install', ...packages])
}

function signing(signedBy: string | undefined, folder: string): string {
  if (signedBy?.startsWith('-----BEGIN')) {
    const file = join(folder, 'key.asc')
    writeFileSync(file, `${signedBy}\n`)
    return `[signed-by=${file}] `
  }
  const keyring = signedBy ?? (existsSync(KEYRING) ? KEYRING : undefined)
  return keyring === undefined ? '' : `[signed-by=${keyring.replace(/\s+/g, ',')}] `
}

/** Another run may have been quicker: what it has unpacked is as good. */
function unpack(folder: string, kept: string): void {
  const archives = join(folder, 'cache', 'archives')
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    runCommand('dpkg', ['-x', join(archives, file), join(folder, 'root')])
  }
  try {
    renameSync(join(folder, 'root'), kept)
  } catch (error) {
    if (!existsSync(kept)) throw error
  }
}

/** How to run a program that was unpacked into a folder: by the loader and the libraries that came along. */
export function unpackedCommand(root: string, program: string): Command {
  const libraries = join(root, 'usr', 'lib')
  const architecture = readdirSync(libraries).find((name) => name.endsWith('-linux-gnu')) ?? ''
  const own = join(libraries, architecture)
  const loader = readdirSync(own).find((name) => /^ld-linux.*\.so/.test(name))
  if (loader === undefined) throw new Error(`there is no loader in ${own}`)
  return {
    file: join(own, loader),
    args: ['--library-path', own, join(root, program)],
    // The system's OpenSSL is another version.
    env: { ...process.env, OPENSSL_CONF: '/dev/null', OPENSSL_MODULES: join(own, 'ossl-modules') },
  }
}
