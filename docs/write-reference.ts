import { readFileSync, writeFileSync } from 'node:fs'
import { writeTables } from './option-tables.js'

/* Writes the tables of options into the reference: `npx tsx docs/write-reference.ts`, after a change of `src/options/options.ts`. */

const PAGE = new URL('reference.md', import.meta.url)

writeFileSync(PAGE, writeTables(readFileSync(PAGE, 'utf8')))
