import { describe, expect, it } from 'vitest'
import type { Query } from '../../src/messages.ts'
import { ShardReports } from '../../src/monitor/shard-reports.ts'
import type { Report } from '../../src/stats.ts'
import { connectionRow, totalsReport } from './rows.ts'

/** Shards that answer when they are told to. */
class Shards {
  readonly asked: Query[] = []
  private readonly answers: ((reports: Report[]) => void)[] = []
  private readonly failures: ((error: Error) => void)[] = []
  readonly reports = new ShardReports((query) => {
    this.asked.push(query)
    return new Promise((resolve, reject) => {
      this.answers.push(resolve)
      this.failures.push(reject)
    })
  })

  async answer(...reports: Report[]): Promise<void> {
    this.failures.shift()
    this.answers.shift()?.(reports)
    await settled()
  }

  async fail(): Promise<void> {
    this.answers.shift()
    this.failures.shift()?.(new Error('lost'))
    await settled()
  }
}

/** Whatever promises had to do is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const TOTALS = { kind: 'totals' } as const
const OPEN = { kind: 'connections', state: 'open', subscriptions: 'none', id: 0 } as const

describe('ShardReports', () => {
  it('asks one question at a time', async () => {
    const shards = new Shards()
    const totals = shards.reports.ask(TOTALS)
    const connections = shards.reports.ask(OPEN)
    expect(shards.asked).toEqual([{ kind: 'totals' }])
    await shards.answer(totalsReport({ connections: 1 }))
    expect(shards.asked).toEqual([{ kind: 'totals' }, OPEN])
    await shards.answer([connectionRow({ id: 1 })], [connectionRow({ id: 2 })])
    expect(await totals).toHaveLength(1)
    expect((await connections).flat().map(({ id }) => id)).toEqual([1, 2])
  })

  it('asks once for all who wait with the same question', async () => {
    const shards = new Shards()
    const first = shards.reports.ask(TOTALS)
    const others = [shards.reports.ask(TOTALS), shards.reports.ask(TOTALS), shards.reports.ask(TOTALS)]
    await shards.answer(totalsReport({ inMessages: 1 }))
    await shards.answer(totalsReport({ inMessages: 2 }))
    expect(shards.asked).toHaveLength(2)
    expect(await first).toEqual([totalsReport({ inMessages: 1 })])
    for (const other of others) expect(await other).toEqual([totalsReport({ inMessages: 2 })])
  })

  it('does not give the answer to an earlier question', async () => {
    const shards = new Shards()
    const early = shards.reports.ask(TOTALS)
    const late = shards.reports.ask(TOTALS)
    await shards.answer(totalsReport({ inMessages: 1 }))
    await shards.answer(totalsReport({ inMessages: 2 }))
    expect(await early).not.toEqual(await late)
  })

  it('hands answers out one a turn of the loop', async () => {
    const shards = new Shards()
    let handed = 0
    const asked = [1, 2, 3].map(async () => {
      await shards.reports.ask(TOTALS)
      handed++
    })
    await shards.answer(totalsReport({}))
    await asked[0]
    await shards.answer(totalsReport({}))
    const seen: number[] = []
    while (handed < 3) {
      seen.push(handed)
      await settled()
    }
    await Promise.all(asked)
    expect(new Set(seen)).toContain(2)
  })

  it('goes on after a question that failed', async () => {
    const shards = new Shards()
    const lost = shards.reports.ask(TOTALS)
    const heard = shards.reports.ask(TOTALS)
    const refused = expect(lost).rejects.toThrow('lost')
    await shards.fail()
    await shards.answer(totalsReport({}))
    await refused
    expect(await heard).toHaveLength(1)
  })

  it('works again after it had nothing to do', async () => {
    const shards = new Shards()
    const first = shards.reports.ask(TOTALS)
    await shards.answer(totalsReport({}))
    await first
    const second = shards.reports.ask(TOTALS)
    await shards.answer(totalsReport({ shard: 1 }))
    expect(await second).toEqual([totalsReport({ shard: 1 })])
  })
})
