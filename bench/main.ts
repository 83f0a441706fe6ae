// npm run bench: Heddle and nats-server side by side, in turn, A B A B …, on this machine.
// `npm run bench -- --help` tells the options.

import { parseArgs } from 'node:util'
import { closeGenerators } from './generators/pool.ts'
import { measure, ROOT, type Setting } from './measure.ts'
import type { Run } from './metrics.ts'
import { writePage } from './page.ts'
import { heading, shapeText } from './report.ts'
import { type Circumstances, circumstances, type ShapeResult, writeResults } from './results.ts'
import type { Shape } from './shape.ts'
import { SECTIONS, SHAPES } from './shapes.ts'

const HELP = `npm run bench -- [OPTIONS]

Measures Heddle and nats-server side by side, in turn, on this machine. Needs what \`npm run peers\` installs.

  --only TEXT    only the shapes whose name has TEXT in it; may be given several times. Shapes of minutes run only so
  --not TEXT     leaves out the shapes whose name has TEXT in it; may be given several times
  --pairs N      rounds; ratios are medians over them (default: 5)
  --scale X      makes all runs shorter or longer, such as 0.2 (default: 1)
  --workers N    Heddle's shards where a shape does not say (default: Heddle's own)
  --peer PATH    the nats-server to compare with, or another Heddle
  --json FILE    leaves every raw run in a file
  --write        puts the results among those in docs/performance/, and makes docs/performance.md of them
  --help         prints this and the names of all shapes
`

const argv = process.argv.slice(2)
const { values: flags } = parseArgs({
  args: argv,
  options: {
    only: { type: 'string', multiple: true },
    not: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
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

const names = SECTIONS.map(
  ({ title, shapes }) => `\n${title}:\n${shapes.map(({ name }) => `  ${name}\n`).join('')}`,
).join('')
if (flags.help) {
  process.stdout.write(`${HELP}${names}`)
  process.exit(0)
}
const { only } = flags
const isWanted = ({ name, isLong }: Shape): boolean =>
  only === undefined ? isLong !== true : only.some((text) => name.includes(text))
const shapes = SHAPES.filter((shape) => isWanted(shape) && !flags.not.some((text) => shape.name.includes(text)))
if (shapes.length === 0) {
  process.stderr.write(`no shape has ${only?.join(' or ')} in its name; there are:\n${names}`)
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
