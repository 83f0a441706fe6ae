// The monitoring pages while the broker carries messages for some and holds many more: do the pages slow it down, and
// are they still quick? autocannon asks, at the pace of nats-top: flat out it would measure the two processors
// shared with the load, not the server. Stretches with and without pages alternate, for the machine's speed drifts.

import autocannon from 'autocannon'
import { Flow } from './flow.ts'
import { hold } from './generators/pool.ts'
import { type Load, scaled } from './load.ts'
import { median } from './statistics.ts'
import { fanOut } from './streams.ts'

const CONNECTIONS = 10_000
const DIALLING = 100
const STRETCHES = 6
const STRETCH_S = 5
/** Of each of the two pages, in a second. */
const REQUESTS = 1
const WARM_UP_MS = 2_000

/** Asks for a page all through a stretch; resolves to its latencies' p99 in milliseconds. */
async function ask(url: string, seconds: number): Promise<number> {
  const { latency, errors, non2xx, requests } = await autocannon({
    url,
    connections: 1,
    overallRate: REQUESTS,
    duration: seconds,
    timeout: 30,
  })
  if (errors + non2xx > 0 || requests.total === 0) throw new Error(`${url}: ${errors} errors, ${non2xx} not 2xx`)
  return latency.p99
}

/** Messages flow 1 to 4; the metrics say how much of their rate is kept while both pages are asked for. */
export const monitoring: Load = {
  async run(server, scale) {
    const holder = hold({
      endpoint: server.endpoint,
      connections: scaled(CONNECTIONS, scale),
      dialling: DIALLING,
      subscription: 'SUB idle 1\r\n',
      stuck: false,
    })
    await holder.ready
    const flow = await Flow.start(server.endpoint, fanOut(4, 128), 1)
    await flow.rateFor(WARM_UP_MS)
    const pages = [
      `http://127.0.0.1:${server.monitorPort}/varz`,
      `http://127.0.0.1:${server.monitorPort}/connz?limit=1024`,
    ]
    const seconds = scaled(STRETCH_S, scale)
    const [alone, beside]: number[][] = [[], []]
    const p99s: number[][] = []
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      alone.push(await flow.rateFor(seconds * 1000))
      const asking = Promise.all(pages.map((page) => ask(page, seconds)))
      beside.push(await flow.rateDuring(asking))
      p99s.push(await asking)
    }
    const messages = await flow.stop()
    holder.tell({ kind: 'stop' })
    await holder.done
    // The worst stretch of each page.
    const [varzP99Ms, connzP99Ms] = pages.map((_, i) => Math.max(...p99s.map((pair) => pair[i])))
    const kept = median(beside.map((rate, i) => rate / alone[i]))
    return { messages, metrics: { rate: median(beside), kept, varzP99Ms, connzP99Ms } }
  },
}
