import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** For each module (its path under src, without extension) what it imports: modules of ours, and packages. */
export interface ImportGraph {
  readonly modules: ReadonlyMap<string, readonly string[]>
  readonly packages: ReadonlyMap<string, readonly string[]>
}

export const SRC = fileURLToPath(new URL('../../src/', import.meta.url))
const SPECIFIER = /(?<!')(?:from|import)\s*\(?\s*'([^']+)'/g

export function listSources(): readonly string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
}

/** The imports of src as they stand in its text, types and dynamic ones included. */
export function readImports(): ImportGraph {
  const modules = new Map<string, string[]>()
  const packages = new Map<string, string[]>()
  for (const file of listSources()) {
    const text = readFileSync(join(SRC, file), 'utf8').replace(/^\s*(\*|\/\/).*$/gm, '')
    const specifiers = [...text.matchAll(SPECIFIER)].map(([, specifier = '']) => specifier)
    const name = file.replace(/\.ts$/, '')
    const own = specifiers.filter((specifier) => specifier.startsWith('.'))
    modules.set(
      name,
      own.map((specifier) => normalize(join(dirname(file), specifier)).replace(/\.js$/, '')),
    )
    packages.set(
      name,
      specifiers.filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:')),
    )
  }
  return { modules, packages }
}

/** A path of imports that leads back to where it started, if there is one. */
export function findCircle(modules: ImportGraph['modules']): readonly string[] | undefined {
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name]
    if (done.has(name)) return undefined
    for (const next of modules.get(name) ?? []) {
      const circle = visit(next, [...path, name])
      if (circle !== undefined) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of modules.keys()) {
    const circle = visit(name, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
