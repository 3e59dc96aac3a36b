import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FOLDERS, listSql, parseVerb } from '../../sql/read-sources.js'
import { compile, type Dialect, type Statement } from '../../src/engines/sql/statements.js'

export const SQL = fileURLToPath(new URL('../../sql/', import.meta.url))

/** One statement as a person reads it: with its comments, and with what it includes. */
export interface WrittenStep {
  /** Of the verb, and of the step where there are several: `queue/promote.due`. */
  readonly title: string
  readonly text: string
}

/** Every statement of a dialect, as it is written. */
export function listSteps(dialect: Dialect['name']): readonly WrittenStep[] {
  const part = (name: string) => readFileSync(join(SQL, dialect, 'parts', `${name}.sql`), 'utf8')
  return FOLDERS.filter((folder) => folder !== 'notify' || dialect === 'postgres').flatMap((folder) =>
    listSql(join(SQL, dialect, folder)).flatMap(({ name, text }) => {
      const whole = text.replace(/^-- include: (\w+)$\n?/gm, (_, name: string) => part(name))
      const pieces = whole.split(/^-- step: /m).slice(1)
      const verb = `${folder}/${name}`
      if (pieces.length === 0) return [{ title: verb, text: whole }]
      const steps = pieces.map((piece) => ({
        step: /^\w+/.exec(piece)?.[0],
        text: piece.slice(piece.indexOf('\n') + 1),
      }))
      return steps.map(({ step, text }) => ({ title: steps.length === 1 ? verb : `${verb}.${step}`, text }))
    }),
  )
}

/** The migrations of a dialect, as they are written. */
export function listMigrations(dialect: Dialect['name']): readonly { readonly name: string; readonly text: string }[] {
  return listSql(join(SQL, dialect, 'migrations'))
}

/** One statement that stands in no file. */
export function statementOf(dialect: Dialect, source: string, verb = 'test/verb'): Statement {
  const [statement, ...more] = compile(dialect, parseVerb(verb, source))
  if (statement === undefined || more.length > 0) throw new Error('one statement is to be there')
  return statement
}
