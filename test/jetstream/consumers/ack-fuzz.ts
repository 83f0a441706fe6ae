// The acknowledgements of a consumer beside the naive model, at length:
//
//     src/node.sh test/jetstream/consumers/ack-fuzz.ts [steps]      default: 100,000

import { chooseSeed, Random } from '../../support/random.ts'
import { walk } from './ack-model.ts'

const WALK = 1000
const steps = Number(process.argv[2] ?? 100_000)
const random = new Random(chooseSeed('ack-fuzz'))
for (let done = 0; done < steps; done += WALK) walk(random, WALK)
process.stdout.write(`${steps} steps agree\n`)
