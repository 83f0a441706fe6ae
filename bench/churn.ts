// Subscriptions that come and go while another pair publishes: neither must stand in the other's way.

import { Flow } from './flow.ts'
import { send } from './generators/pool.ts'
import type { Load } from './load.ts'
import { fanOut } from './streams.ts'

const WINDOW = 1_000
/** The pair has the server to itself for so long, at first to warm up and then to be measured. */
const ALONE_MS = 1_000

/** Subscribes to a window of subjects, then gives them up again; 2 * WINDOW operations. */
function churnCycle(): Uint8Array {
  const numbers = [...Array(WINDOW).keys()].map((i) => `${WINDOW + i}`)
  const subscribe = numbers.map((number) => `SUB churn.${number}.> ${number}\r\n`)
  const unsubscribe = numbers.map((number) => `UNSUB ${number}\r\n`)
  return Buffer.from([...subscribe, ...unsubscribe].join(''))
}

/** `operations` SUBs and UNSUBs on one connection, while one publisher sends to one subscriber, flat out. */
export function churn(operations: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const flow = await Flow.start(server.endpoint, fanOut(1, bytes), 1)
      await flow.rateFor(ALONE_MS)
      const alone = await flow.rateFor(ALONE_MS)
      const rounds = Math.max(1, Math.round((operations * scale) / (2 * WINDOW)))
      const churner = send({ endpoint: server.endpoint, connections: 1, cycle: churnCycle(), rounds })
      await churner.ready
      churner.tell({ kind: 'go' })
      const pairRate = await flow.rateDuring(churner.done)
      const { firstMs, lastMs } = await churner.done
      await flow.stop()
      const rate = (rounds * 2 * WINDOW * 1000) / (lastMs - firstMs)
      return { messages: 0, metrics: { rate, pairRate, kept: pairRate / alone } }
    },
  }
}
