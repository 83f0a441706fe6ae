// Follows streams over many kills, on the command as it was built last: `src/node.sh
// test/jetstream/sources/following.ts [RUNS]`. A seed is printed for each run; HEDDLE_SEED repeats one.

import { chooseSeed, Random } from '../../support/random.ts'
import { FollowingRun } from './following-run.ts'

const LIVES = 8

for (let run = 0; run < Number(process.argv[2] ?? 10); run++) {
  const random = new Random(chooseSeed('following'))
  const wrong = await new FollowingRun(random, run % 3).run(LIVES)
  process.stdout.write(
    `run ${run}, seed ${random.seed}: ${wrong.length === 0 ? 'nothing is wrong' : wrong.join('\n  ')}\n`,
  )
  if (wrong.length > 0) process.exitCode = 1
}
