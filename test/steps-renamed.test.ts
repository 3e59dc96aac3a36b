import * as assert from 'uvu/assert'
import { writeSources } from '../sql/write-sources.js'
import type { Sources, Step, Verb } from '../src/engines/sql/source.js'
import { openCopy } from './support/copy.js'
import { DATABASES } from './support/databases.js'
import { assertLives } from './support/life.js'
import { suite } from './support/suite.js'

/*
 * What a step of a verb is called concerns its file alone: nothing in the library knows it.
 */

const rename = (name: string) => `renamed_${name}`

/** Each step of each verb is called otherwise, and so is what the steps after it and the answer call it. */
function renameSteps(sources: Sources): Sources {
  return { ...sources, verbs: sources.verbs.map((verb) => (verb.steps.length === 1 ? verb : renameIn(verb))) }
}

function renameIn(verb: Verb): Verb {
  const steps: Step[] = []
  for (const step of verb.steps) {
    const before = new Set(steps.map(({ name }) => name))
    const nameOf = (name: string) => (before.has(rename(name)) ? rename(name) : name)
    const orNull = (name: string | null) => (name === null ? null : nameOf(name))
    steps.push({
      name: rename(step.name),
      unless: step.unless.map(nameOf),
      when: step.when.map(nameOf),
      each: orNull(step.each),
      changes: orNull(step.changes),
      text: step.text.replace(/(?<![\w:]):([a-z_]+)/g, (_, name: string) => `:${nameOf(name)}`),
    })
  }
  return { ...verb, steps, returns: verb.returns.map(rename) }
}

const test = suite('steps of verbs')

test('may be called anything', async () => {
  let renamed = 0
  using copy = await openCopy((folder) =>
    writeSources(folder, (sources) => {
      const changed = renameSteps(sources)
      renamed += changed.verbs.flatMap(({ steps }) => steps).filter(({ name }) => name.startsWith(rename(''))).length
      return changed
    }),
  )
  assert.ok(renamed > 80, `${renamed} steps`)
  const { EventChannel } = copy.rowcast
  for (const database of DATABASES) {
    await using place = await database.place()
    await assertLives(
      () => place.url,
      place.options,
      (target, options) => EventChannel.open(target, options),
    )
  }
}, 60_000)

test.run()
