// Work distribution: jobs for a queue group of worker processes. One worker is killed; its jobs go to others.
//
//     src/node.sh examples/work-queue/main.ts

import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'heddle'
import { connect, RequestError, TimeoutError } from 'heddle/client'

const JOBS = 100
const WORKERS = 3
/** Jobs under way at once: enough to keep each worker busy, few enough that none waits long. */
const IN_FLIGHT = 6

const server = createServer({ port: 0 })
await server.ready()
const nc = await connect({ servers: server.url })

const ready = nc.subscribe('workers.ready', { max: WORKERS })
await nc.flush()
const workers = new Map<number | undefined, ChildProcess>()
for (let i = 0; i < WORKERS; i++) {
  const worker = fork(new URL('worker.ts', import.meta.url), { env: { ...process.env, NATS_URL: server.url } })
  workers.set(worker.pid, worker)
}
for await (const _ of ready);

const results = new Map<number, string>()
let repeats = 0
let killed: number | undefined

/** Core NATS delivers at most once: a job without an answer in time is sent again. */
async function perform(job: number): Promise<void> {
  for (;;) {
    try {
      const reply = await nc.request('jobs', `job ${job}`, { timeout: 2_000 })
      const { key, worker } = reply.json<{ key: string; worker: number }>()
      results.set(job, key)
      if (results.size === JOBS / 2) {
        workers.get(worker)?.kill('SIGKILL')
        killed = worker
      }
      return
    } catch (error) {
      if (!(error instanceof TimeoutError || error instanceof RequestError)) throw error
      repeats++
    }
  }
}

const jobs = Array.from({ length: JOBS }, (_, job) => job).values()
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (const job of jobs) await perform(job)
  }),
)
console.log(`${results.size} of ${JOBS} jobs done`)
console.log(`one worker was killed; ${repeats} jobs were sent again`)

for (const [pid, worker] of workers) if (pid !== killed) worker.kill('SIGTERM')
await nc.close()
await server.close()
