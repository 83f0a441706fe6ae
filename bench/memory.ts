// Memory over minutes: eight publishers flat out with fan-out 4. RSS is looked at each second; from minute 2 on it must
// not rise, and a subscriber that has stopped reading may cost what may wait for it (max_pending), and no more.

import { Flow } from './flow.ts'
import { hold } from './generators/pool.ts'
import { type Load, scaled } from './load.ts'
import type { ServerProcess } from './server-process.ts'
import { type Point, slope } from './statistics.ts'
import { fanOut } from './streams.ts'

const PUBLISHERS = 8
const FAN_OUT = 4
const BYTES = 128
const SAMPLE_MS = 1_000
const WARM_UP_MIN = 2
/** Before the stuck subscriber's part; then so long without it and so long with it. */
const STUCK_WARM_UP_S = 30
const STUCK_S = 45

/** RSS in MiB each second while the flow goes on, with the time in minutes. */
async function sample(server: ServerProcess, flow: Flow, seconds: number): Promise<Point[]> {
  const points: Point[] = []
  const startMs = performance.now()
  for (let i = 0; i < seconds; i++) {
    await flow.rateFor(SAMPLE_MS)
    points.push({ x: (performance.now() - startMs) / 60_000, y: server.usage().rssMiB })
  }
  return points
}

/** A run of so many minutes; at a smaller scale, the warm-up is shorter as well. */
export function memory(minutes: number): Load {
  return {
    async run(server, scale) {
      const flow = await Flow.start(server.endpoint, fanOut(FAN_OUT, BYTES), PUBLISHERS)
      const points = await sample(server, flow, scaled(minutes * 60, scale, 4))
      const { peakMiB } = server.usage()
      const warmUp = Math.min(WARM_UP_MIN, minutes / 2) * scale
      const slopeMiB = slope(points.filter(({ x }) => x >= warmUp))
      const messages = await flow.stop()
      const elapsedMs = points[points.length - 1].x * 60_000
      return { messages, metrics: { rate: (messages * 1000) / elapsedMs, slopeMiB, peakMiB } }
    },
  }
}

/** The same with a subscriber that comes after a while and never reads: by how much the peak rises. */
export const stuckSubscriber: Load = {
  async run(server, scale) {
    const flow = await Flow.start(server.endpoint, fanOut(FAN_OUT, BYTES), PUBLISHERS)
    const peakOver = async (seconds: number): Promise<number> => {
      server.resetPeak()
      await flow.rateFor(scaled(seconds, scale) * 1000)
      return server.usage().peakMiB
    }
    await flow.rateFor(scaled(STUCK_WARM_UP_S, scale) * 1000)
    const before = await peakOver(STUCK_S)
    const subscription = 'SUB bench 1\r\n'
    const holder = hold({ endpoint: server.endpoint, connections: 1, dialling: 1, subscription, stuck: true })
    await holder.ready
    const peakMiB = await peakOver(STUCK_S)
    holder.tell({ kind: 'stop' })
    await holder.done
    const messages = await flow.stop()
    return { messages, metrics: { stuckMiB: peakMiB - before, peakMiB } }
  },
}
