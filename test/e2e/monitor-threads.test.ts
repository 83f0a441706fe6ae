// What the pages say of threads that die and threads that are stuck.

import { describe, expect, it, onTestFinished } from 'vitest'
import type { Primary } from '../../src/primary/primary.ts'
import type { Varz } from '../monitor/company.ts'
import { ask, askJson } from '../monitor/http.ts'
import type { Way } from '../support/faulty-ways.ts'
import { ownPrimary } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { FAULTY_ENTRY, hostOf, kill, openOn, untilReplaced } from '../support/shards.ts'
import { until } from '../support/until.ts'

interface Dashboard {
  readonly samples: readonly { readonly number: number; readonly inMessages: number }[]
  readonly shards: readonly { readonly state: string; readonly in_msgs: number }[]
  readonly events: readonly { readonly kind: string; readonly text: string }[]
}

interface AccountStatz {
  readonly account_statz: readonly { readonly acc: string; readonly received: { readonly msgs: number } }[]
}

async function start(): Promise<{ primary: Primary; port: number; busy: RawClient }> {
  const primary = await ownPrimary({ workers: 2, monitorPort: -1 }, FAULTY_ENTRY)
  const busy = await openOn(primary, 1)
  onTestFinished(() => busy.close())
  busy.send('PUB a 3\r\nabc\r\n'.repeat(100))
  await busy.sync()
  return { primary, port: primary.monitorPort ?? 0, busy }
}

const traffic = async (port: number): Promise<unknown[]> => {
  const { in_msgs: messages, in_bytes: bytes } = await askJson<Varz>(port, '/varz')
  return [messages, bytes]
}

describe('totals keep what a dead shard had counted', () => {
  it.each<Way>(['throw', 'process.exit', 'unhandled rejection'])('by %s, to the last message', async (way) => {
    const { primary, port } = await start()
    const host = hostOf(primary, 1)
    await kill(primary, 1, way)
    await until('its end', () => host.dead)
    expect(await traffic(port)).toEqual([100, 300])
    await untilReplaced(primary, 1, host)
    expect(await traffic(port)).toEqual([100, 300])
    const next = await openOn(primary, 1)
    onTestFinished(() => next.close())
    next.send('PUB a 1\r\nx\r\n')
    await next.sync()
    expect(await traffic(port)).toEqual([101, 301])
  })

  it.each<Way>(['endless loop', 'process.abort'])('by %s, as far as they were told', async (way) => {
    const { primary, port } = await start()
    expect(await traffic(port)).toEqual([100, 300])
    const host = hostOf(primary, 1)
    await kill(primary, 1, way)
    await untilReplaced(primary, 1, host)
    expect(await traffic(port)).toEqual([100, 300])
  })

  it('and so do those of its accounts', async () => {
    const { primary, port } = await start()
    const received = async (): Promise<unknown> =>
      (await askJson<AccountStatz>(port, '/accstatz?unused=1')).account_statz.map((one) => [one.acc, one.received.msgs])
    const counted = [
      ['$G', 100],
      ['$SYS', 0],
    ]
    expect(await received()).toEqual(counted)
    const host = hostOf(primary, 1)
    await kill(primary, 1, 'throw')
    await untilReplaced(primary, 1, host)
    expect(await received()).toEqual(counted)
  })
})

describe('a shard that is stuck', () => {
  it('does not hold up the pages, and its counters are there', async () => {
    const { primary, port } = await start()
    expect(await traffic(port)).toEqual([100, 300])
    const dying = new SharedArrayBuffer(4)
    hostOf(primary, 1).thread.worker.postMessage({ kind: 'die', way: 'endless loop', dying })
    await until('the shard to be stuck', () => Atomics.load(new Int32Array(dying), 0) === 1)
    const varz = await askJson<Varz>(port, '/varz')
    expect(varz).toMatchObject({ in_msgs: 100, connections: 1 })
    await until('the shard to be called late', async () => {
      const { body } = await ask(port, '/metrics')
      return body.includes('heddle_shard_up{shard="1"} 0') && body.includes('heddle_shard_up{shard="0"} 1')
    })
    expect((await ask(port, '/stacksz')).body).toContain('thread shard 1 [late, does not answer]')
    // A list that would lack the connections of a shard is refused.
    for (const path of ['/connz', '/connz?subs=detail', '/subsz?subs=1']) {
      const { status, body } = await ask(port, path)
      expect([status, body]).toEqual([503, expect.stringContaining('no answer from shard 1')])
    }
    expect(await askJson<Varz>(port, '/varz')).toMatchObject({ heddle: { missing_shards: [1] } })
  })
})

describe('/dashboard.json', () => {
  it('has a sample each second, only those that are new, and tells of replaced threads', async () => {
    const { primary, port } = await start()
    const first = await until('a sample', async () => {
      const answer = await askJson<Dashboard>(port, '/dashboard.json')
      // The second: by then both shards have been asked, on a busy machine as well.
      return answer.samples.length > 1 ? answer : undefined
    })
    const { number } = first.samples.at(-1) ?? { number: 0 }
    const host = hostOf(primary, 1)
    await kill(primary, 1, 'throw')
    await untilReplaced(primary, 1, host)
    const later = await until('the event', async () => {
      const answer = await askJson<Dashboard>(port, `/dashboard.json?since=${number}`)
      return answer.events.some(({ text }) => text === 'Shard 1 died and was replaced') && answer
    })
    expect(later.samples.every((sample) => sample.number > number)).toBe(true)
    expect(later.samples.at(-1)?.inMessages).toBe(100)
    expect(later.shards.map(({ in_msgs: messages }) => messages)).toEqual([0, 100])
    expect(later.events.at(-1)?.text).toBe('The server started')
  })
})
