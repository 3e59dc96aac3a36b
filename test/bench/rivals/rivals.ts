import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))

/** Installs the rivals, which have a package of their own, where they are not there yet. */
export function installRivals(): void {
  if (existsSync(`${FOLDER}node_modules/.package-lock.json`)) return
  console.log('installing the rivals (once) …')
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: 'inherit' })
  if (status !== 0) throw new Error(`npm install failed in ${FOLDER}`)
}

/** Loads a rival. By a variable, so that the types of the rest hold without the rivals installed. */
export async function loadRival<Module>(name: string): Promise<Module> {
  const module = (await import(name)) as { default?: unknown }
  const hasNames = Object.keys(module).some((key) => key !== 'default' && key !== 'module.exports')
  return (hasNames ? module : module.default) as Module
}

export function rivalVersions(): Readonly<Record<string, string>> {
  const { dependencies } = readPackage(FOLDER) as { dependencies: Record<string, string> }
  const names = Object.keys(dependencies)
  return Object.fromEntries(names.map((name) => [name, versionOf(`${FOLDER}node_modules/${name}/`)]))
}

/** The version of the package in this folder. */
export function versionOf(folder: string): string {
  return String(readPackage(folder).version)
}

function readPackage(folder: string): { readonly version?: unknown } {
  return JSON.parse(readFileSync(`${folder}package.json`, 'utf8'))
}
