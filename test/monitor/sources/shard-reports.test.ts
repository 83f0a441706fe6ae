import { describe, expect, it } from 'vitest'
import { ShardReports } from '../../../src/monitor/sources/shard-reports.ts'
import type { Query } from '../../../src/reports/query.ts'
import type { Report } from '../../../src/reports/rows.ts'
import { connectionRow, totalsReport } from '../rows.ts'

/** Shards that answer when they are told to. */
class Shards {
  /** The questions of each message. */
  readonly asked: (readonly Query[])[] = []
  private readonly answers: ((reports: Report[]) => void)[] = []
  private readonly failures: ((error: Error) => void)[] = []
  readonly warnings: string[] = []
  silent: readonly number[] = []
  readonly reports = new ShardReports(
    (query) => {
      this.asked.push(query.kind === 'batch' ? query.queries : [query])
      return new Promise((resolve, reject) => {
        this.answers.push((reports) => resolve({ reports, silent: this.silent }))
        this.failures.push(reject)
      })
    },
    { warn: (text) => this.warnings.push(text) },
  )

  /** Answers the one question of the oldest message: what each shard says. */
  answer(...reports: Report[]): Promise<void> {
    return this.answerBatch(...reports.map((report) => [report]))
  }

  /** … or all of its questions: for each shard, a report a question. */
  async answerBatch(...reports: Report[][]): Promise<void> {
    this.failures.shift()
    this.answers.shift()?.(reports)
    await settled()
  }

  /** Answers the oldest message, a long question: what each shard says. */
  answerLong(...reports: Report[]): Promise<void> {
    return this.answerBatch(...(reports as Report[][]))
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
const NEWS = { kind: 'incidents', since: 0 } as const
const incident = (connection: number) => ({ at: 1, reason: '', connection, name: '', peer: '', account: '' })

describe('ShardReports', () => {
  it('sends one message at a time', async () => {
    const shards = new Shards()
    const totals = shards.reports.ask(TOTALS)
    const news = shards.reports.ask(NEWS)
    expect(shards.asked).toEqual([[TOTALS]])
    await shards.answer(totalsReport({ connections: 1 }))
    expect(shards.asked).toEqual([[TOTALS], [NEWS]])
    await shards.answer([incident(1)], [incident(2)])
    expect(await totals).toHaveLength(1)
    expect((await news).flat().map(({ connection }) => connection)).toEqual([1, 2])
  })

  it('lets no short question wait for a long one', async () => {
    const shards = new Shards()
    const connections = shards.reports.ask(OPEN)
    const totals = shards.reports.ask(TOTALS)
    expect(shards.asked).toEqual([[OPEN], [TOTALS]])
    await shards.answerLong([connectionRow({ id: 1 })], [connectionRow({ id: 2 })])
    await shards.answer(totalsReport({}))
    expect((await connections).flat().map(({ id }) => id)).toEqual([1, 2])
    expect(await totals).toHaveLength(1)
  })

  it('refuses what would not be complete, and says so in the log', async () => {
    const shards = new Shards()
    shards.silent = [1]
    const refused = expect(shards.reports.askAll(TOTALS)).rejects.toThrow('no answer from shard 1')
    await shards.answer(totalsReport({}))
    await refused
    const tolerated = shards.reports.ask(TOTALS)
    await shards.answer(totalsReport({}))
    expect(await tolerated).toHaveLength(1)
    expect(shards.reports.silent).toEqual([1])
    expect(shards.warnings).toHaveLength(1)
    shards.silent = []
    const whole = shards.reports.askAll(TOTALS)
    await shards.answer(totalsReport({}))
    expect(await whole).toHaveLength(1)
    expect(shards.reports.silent).toEqual([])
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

  it('sends what waits in one message, and gives everybody the answers to their own questions', async () => {
    const shards = new Shards()
    const first = shards.reports.ask(TOTALS)
    const news = shards.reports.ask(NEWS)
    const totals = shards.reports.ask(TOTALS)
    await shards.answer(totalsReport({}))
    expect(shards.asked).toEqual([[TOTALS], [NEWS, TOTALS]])
    await shards.answerBatch([[incident(1)], totalsReport({ shard: 0 })], [[incident(2)], totalsReport({ shard: 1 })])
    await first
    expect((await news).flat().map(({ connection }) => connection)).toEqual([1, 2])
    expect((await totals).map(({ shard }) => shard)).toEqual([0, 1])
  })

  it('bounds what goes out in one message', async () => {
    const shards = new Shards()
    const asked = Array.from({ length: 40 }, (_, since) => shards.reports.ask({ kind: 'incidents', since }))
    for (let left = asked.length; left > 0; left -= shards.asked.at(-1)?.length ?? 0) {
      await shards.answerBatch((shards.asked.at(-1) ?? []).map(() => []))
    }
    await Promise.all(asked)
    expect(Math.max(...shards.asked.map(({ length }) => length))).toBe(16)
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
