// npm run bench: Heddle and nats-server side by side, in turn, A B A B …, on this machine.
//
//     npm run peers && npm run bench -- [--only TEXT] [--pairs N] [--workers N] [--peer PATH] [--scale X]
//                                       [--json FILE] [--write]
//
// --only takes the shapes whose name has the text in it; shapes of minutes run only so. --workers overrides Heddle's
// own default of shards; --scale makes all runs shorter or longer. --json leaves every raw run in a file; --write puts
// the results among those kept in docs/performance/ and makes docs/performance.md from them anew.

import { parseArgs } from 'node:util'
import { closeGenerators } from './generators/pool.ts'
import { measure, ROOT, type Setting } from './measure.ts'
import type { Run } from './metrics.ts'
import { writePage } from './page.ts'
import { heading, shapeText } from './report.ts'
import { type Circumstances, circumstances, type ShapeResult, writeResults } from './results.ts'
import type { Shape } from './shape.ts'
import { SHAPES } from './shapes.ts'

const argv = process.argv.slice(2)
const { values: flags } = parseArgs({
  args: argv,
  options: {
    only: { type: 'string' },
    pairs: { type: 'string', default: '5' },
    workers: { type: 'string' },
    peer: { type: 'string', default: `${ROOT}.peers/bin/nats-server` },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})

/** All contenders of a shape in turn, as often as there are rounds; every other time from the last to the first. */
async function compare(shape: Shape, pairs: number, setting: Setting, where: Circumstances): Promise<ShapeResult> {
  const contenders = shape.contenders.map(({ label }) => ({ label, runs: [] as Run[] }))
  const failures: string[] = []
  for (let pair = 0; pair < Math.min(pairs, shape.pairsMax ?? pairs); pair++) {
    const turn = [...shape.contenders.entries()]
    for (const [i, contender] of pair % 2 === 0 ? turn : turn.toReversed()) {
      try {
        contenders[i].runs.push(await measure(shape, contender, setting))
      } catch (error) {
        contenders[i].runs.push({})
        failures.push(`${contender.label}, round ${pair + 1}: ${error instanceof Error ? error.message : error}`)
      }
    }
  }
  return { name: shape.name, ...where, contenders, failures }
}

const { only } = flags
const shapes = SHAPES.filter(({ name, isLong }) => (only === undefined ? isLong !== true : name.includes(only)))
if (shapes.length === 0) {
  process.stderr.write(
    `no shape has ${only} in its name; there are:\n${SHAPES.map(({ name }) => `  ${name}\n`).join('')}`,
  )
  process.exit(1)
}
const setting: Setting = {
  peer: flags.peer,
  workers: flags.workers === undefined ? undefined : Number(flags.workers),
  scale: Number(flags.scale),
}
const where = circumstances(flags.peer, argv)
process.stdout.write(`${where.machine}\n${where.versions}\ncommit ${where.commit}\n\n${heading()}`)
const results: ShapeResult[] = []
for (const shape of shapes) {
  const result = await compare(shape, Number(flags.pairs), setting, where)
  results.push(result)
  process.stdout.write(shapeText(shape, result))
  // After each shape, so that a run of an hour that is cut short leaves what it has measured.
  if (flags.json !== undefined) writeResults(flags.json, { shapes: results })
  if (flags.write) writePage([result])
}
await closeGenerators()
