import { expect, onTestFinished, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { CROWDED_LOG_MS } from '../../src/base/constants.ts'
import { CloseReason, Faults } from '../../src/base/errors.ts'
import type { ReportedClient } from '../../src/reports/client.ts'
import { Gauges } from '../../src/reports/gauges.ts'
import { Records } from '../../src/reports/records.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { reportedClient } from './client.ts'

function stage(options: { maxClosedClients?: number; monitorPort?: number; httpsPort?: number } = {}) {
  const accounts = [new Account('A'), new Account('B')]
  const clients: ReportedClient[] = []
  const shard = {
    nowMs: 1_000,
    clients: { values: () => clients },
    accounts: { values: () => accounts },
    options: {
      maxPending: 1_000,
      maxClosedClients: 10,
      monitorPort: undefined,
      httpsPort: undefined,
      writeDeadline: 10_000,
      ...options,
    },
    bugMet: (error: unknown) => expect.fail(String(error)),
    admission: { accountTag: (name: string) => name },
    wallClock: (ms: number) => 1_000_000 + ms,
  }
  const gauges = new Gauges(1)
  const records = new Records(shard, gauges.counters(0))
  onTestFinished(() => records.stop())
  return { shard, records, accounts, clients, counters: gauges.counters(0) }
}

test.each([[CloseReason.slowConsumerPending], [CloseReason.slowConsumerDeadline]])(
  'one that is closed as %s is counted for the server and its account, remembered, and the log is told why',
  (reason) => {
    const { records, counters, accounts } = stage()
    const lines: unknown[] = []
    const client = reportedClient({ account: accounts[0], outbound: { pendingBytes: 77, waitingMs: 0 } }, lines)
    records.closing(client, reason)
    records.tell(client, { text: undefined, reason })
    expect([counters.slowConsumers, accounts[0].counters.slowConsumers]).toEqual([1, 1])
    expect(records.incidents.since(0)).toMatchObject([{ reason, connection: 7, at: 1_001_000 }])
    expect(lines).toEqual([[reason, 77, false]])
  },
)

test('one that missed a write deadline and gets more time is counted each time, and stays', () => {
  const { records, counters, accounts } = stage()
  const lines: unknown[] = []
  const client = reportedClient({ account: accounts[0] }, lines)
  records.triedAgain(client, false)
  records.triedAgain(client, true)
  expect([counters.slowConsumers, accounts[0].counters.slowConsumers]).toEqual([2, 2])
  expect(lines).toEqual([false, true].map((still) => [CloseReason.slowConsumerDeadline, 0, still]))
  expect(records.incidents.since(0)).toEqual([])
})

test('one that is cut after it was given more time is no news to the log', () => {
  const { records } = stage()
  const lines: unknown[] = []
  records.tell(reportedClient({ slowWrites: { wasTriedAgain: true } }, lines), Faults.slowConsumerDeadline)
  expect(lines).toEqual([[CloseReason.slowConsumerDeadline, 0, true]])
})

test('a stale connection is counted, and is not slow', () => {
  const { records, counters } = stage()
  records.closing(reportedClient(), CloseReason.staleConnection)
  expect([counters.staleConnections, counters.slowConsumers]).toEqual([1, 0])
})

test('a client that leaves by itself is nothing to remember, and nothing to tell', () => {
  const { records, counters } = stage()
  const lines: unknown[] = []
  records.closing(reportedClient(), CloseReason.clientClosed)
  records.tell(reportedClient({}, lines), { text: undefined, reason: CloseReason.clientClosed })
  expect([records.incidents.since(0), lines, counters.slowConsumers]).toEqual([[], [], 0])
})

test('of those for whom there is no room the log names one now and then', () => {
  const { records, shard } = stage()
  const lines: unknown[] = []
  for (const nowMs of [0, 1, CROWDED_LOG_MS, CROWDED_LOG_MS + 1, CROWDED_LOG_MS + 2]) {
    shard.nowMs = nowMs
    records.tell(reportedClient({}, lines), Faults.connections)
  }
  expect(lines).toEqual(['maximum connections exceeded', 'maximum connections exceeded'])
})

test('dropped messages are counted for the server and the account', () => {
  const { records, counters, accounts } = stage()
  records.dropped(reportedClient({ account: accounts[1] }), 3)
  records.dropped(reportedClient({ account: accounts[1] }), 4)
  expect([counters.droppedMessages, accounts[1].counters.droppedMessages]).toEqual([7, 7])
  expect(accounts[0].counters.droppedMessages).toBe(0)
})

test('those who have gone are remembered, the latest ones', () => {
  const { records } = stage({ maxClosedClients: 2 })
  for (const id of [1, 2, 3]) records.gone(reportedClient({ id }))
  expect([1, 2, 3].map((id) => records.closed.get(id)?.id)).toEqual([undefined, 2, 3])
})

test('where none are to be remembered none are, and what they did counts all the same', () => {
  const { records, counters, accounts } = stage({ maxClosedClients: 0 })
  records.gone(reportedClient({ account: accounts[0], inMessages: 5 }))
  records.addUpTraffic()
  expect([records.closed.size, counters.inMessages]).toEqual([0, 5])
})

test('the load is measured only where there are pages that show it', () => {
  expect(stage().records.load).toBeUndefined()
  expect(stage({ monitorPort: 8222 }).records.load).toBeDefined()
  expect(stage({ httpsPort: 8443 }).records.load).toBeDefined()
})

test('whoever comes, sends and goes, the traffic is what all of them have done, and never goes back', () => {
  const random = new Random(chooseSeed('records'))
  const { records, counters, clients, accounts } = stage()
  let [sum, before] = [0, 0]
  for (let step = 0; step < 500; step++) {
    const kind = random.below(4)
    if (kind === 0) clients.push(reportedClient({ id: step, account: random.pick(accounts) }))
    else if (kind === 1 && clients.length > 0) records.gone(clients.splice(random.below(clients.length), 1)[0])
    else if (clients.length > 0) {
      const at = random.below(clients.length)
      const more = random.below(10)
      clients[at] = { ...clients[at], outMessages: clients[at].outMessages + more }
      sum += more
    }
    records.addUpTraffic()
    expect(counters.outMessages, `seed ${random.seed}, step ${step}`).toBe(sum)
    expect(counters.outMessages).toBeGreaterThanOrEqual(before)
    before = counters.outMessages
  }
})
