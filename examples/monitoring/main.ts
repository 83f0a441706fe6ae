// Reads the monitoring pages of a server, Heddle or nats-server, and prints one line for each interval.
//
//     src/node.sh examples/monitoring/main.ts [URL] [LINES]

const [url = 'http://127.0.0.1:8222', lines = '10'] = process.argv.slice(2)
const INTERVAL_MS = 1_000

/** What is used of /varz. Counters count from the start of the server. */
interface Varz {
  readonly now: string
  readonly connections: number
  readonly subscriptions: number
  readonly slow_consumers: number
  readonly mem: number
  readonly in_msgs: number
  readonly out_msgs: number
}

async function varz(): Promise<Varz> {
  const response = await fetch(new URL('/varz', url), { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`)
  return (await response.json()) as Varz
}

let before = await varz()
for (let i = 0; i < Number(lines); i++) {
  await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
  const after = await varz()
  const seconds = (Date.parse(after.now) - Date.parse(before.now)) / 1_000
  const perSecond = (counter: 'in_msgs' | 'out_msgs'): string =>
    `${Math.round((after[counter] - before[counter]) / seconds)}/s`
  console.log(
    `${after.connections} connections, ${after.subscriptions} subscriptions, ${after.slow_consumers} slow consumers, ` +
      `in ${perSecond('in_msgs')}, out ${perSecond('out_msgs')}, ${Math.round(after.mem / 2 ** 20)} MiB`,
  )
  before = after
}
