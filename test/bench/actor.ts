import { Works } from './works.js'

/* A process of a run: does what it is told over its channel, and answers. Started by stage.ts. */

interface Order {
  readonly id: number
  readonly work: keyof Works
  readonly argument: never
}

const works = new Works()

process.on('message', ({ id, work, argument }: Order) => {
  const doing = works[work](argument)
  doing.then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
  )
})
process.once('disconnect', () => process.exit())
process.send?.({ id: 0 })
