// A consumer that does not read: it is cut off, for its own reason, and costs nobody else anything
// (docs/reference/delivery.md, "Slow consumers").

import { describe, expect, test } from 'vitest'
import { openInTurn, ownPrimary } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { connections, total } from '../support/server.ts'
import { until } from '../support/until.ts'

const PAYLOAD_BYTES = 8192
const MESSAGE = `PUB flood ${PAYLOAD_BYTES}\r\n${'x'.repeat(PAYLOAD_BYTES)}\r\n`

/** Publishes in steps that the socket has taken, so that the sender needs no memory of its own. */
async function flood(publisher: RawClient, messages: number, enough: () => boolean): Promise<number> {
  let sent = 0
  while (sent < messages && !enough()) {
    const step = Math.min(64, messages - sent)
    await new Promise<void>((resolve, reject) => {
      publisher.socket.write(MESSAGE.repeat(step), (error) => (error ? reject(error) : resolve()))
    })
    sent += step
  }
  return sent
}

describe.each([0, 1, 2])('slow consumers with %i workers', (workers) => {
  test('one with too many bytes waiting is closed, the others get every message', async () => {
    const primary = await ownPrimary({ workers, maxPayload: 64 * 1024, maxPending: 8 * 1024 * 1024 })
    const { port } = primary.identity
    const [publisher, slow, fast, other] = await openInTurn(port, workers, 4)
    let got = 0
    for (const client of [fast, other]) {
      client.onMessage = () => {
        got++
      }
    }
    slow.send('SUB flood 1\r\n')
    fast.send('SUB flood 1\r\n')
    other.send('SUB flood 1\r\n')
    for (const client of [slow, fast, other]) await client.sync()
    slow.socket.pause()

    // 64 MiB are more than all socket buffers on the way can hold.
    const sent = await flood(publisher, 8192, () => false)
    await until('all messages at the two others', () => got >= 2 * sent)
    expect(got).toBe(2 * sent)
    await publisher.sync()
    expect(await total(primary, 'slowConsumers')).toBe(1)
    expect(await connections(primary)).toHaveLength(3)

    slow.socket.resume()
    const rest = await slow.readToClose()
    expect(rest.toString('latin1')).not.toContain('-ERR')
    expect(rest.length).toBeLessThan(sent * PAYLOAD_BYTES)
  })

  test('a small max_pending does not cut off those that do read', async () => {
    const primary = await ownPrimary({ workers, maxPayload: 64 * 1024, maxPending: 1024 * 1024 })
    const [publisher, ...readers] = await openInTurn(primary.identity.port, workers, 3)
    const got = readers.map(() => 0)
    for (const [i, reader] of readers.entries()) {
      reader.onMessage = () => {
        got[i]++
      }
      reader.send('SUB flood 1\r\n')
      await reader.sync()
    }
    const sent = await flood(publisher, 4096, () => readers.some((reader) => reader.isClosed))
    await until('the end of the flood', () => got.every((count) => count >= sent) || readers.some((r) => r.isClosed))
    expect({ got, slowConsumers: await total(primary, 'slowConsumers') }).toEqual({
      got: readers.map(() => 4096),
      slowConsumers: 0,
    })
  })

  test('one that takes nothing for longer than the write deadline is closed', async () => {
    const primary = await ownPrimary({ workers, writeDeadline: 400 })
    const { port } = primary.identity
    const [publisher, slow] = await openInTurn(port, workers, 2)
    slow.send('SUB flood 1\r\n')
    await slow.sync()
    slow.socket.pause()
    let cut = false
    const watch = until('the cut', async () => (await total(primary, 'slowConsumers')) > 0).then(() => {
      cut = true
    })
    // At most 48 MiB, so that max_pending (64 MiB) is not what it is closed for.
    await flood(publisher, 6144, () => cut)
    await watch
    expect(await connections(primary)).toHaveLength(1)
    const closed = await primary.query({ kind: 'connections', state: 'closed', subscriptions: 'none', id: 0 })
    expect(closed.flat()).toMatchObject([{ reason: 'Slow Consumer (Write Deadline)' }])
    await publisher.sync()
  })

  test('one that reads slowly but steadily keeps its connection and gets everything', async () => {
    const primary = await ownPrimary({ workers, writeDeadline: 2000 })
    const { port } = primary.identity
    const [publisher, slow] = await openInTurn(port, workers, 2)
    let got = 0
    slow.onMessage = () => {
      got++
    }
    slow.send('SUB flood 1\r\n')
    await slow.sync()
    // Reads about 2 ms of every 10.
    const pauses = setInterval(() => {
      slow.socket.resume()
      setTimeout(() => slow.socket.pause(), 2)
    }, 10)
    const sent = await flood(publisher, 2048, () => false)
    await until('all messages', () => got >= sent)
    clearInterval(pauses)
    expect(got).toBe(sent)
    expect(await total(primary, 'slowConsumers')).toBe(0)
  })

  test('a consumer that never reads beside one that does slows that one no longer than a moment', async () => {
    const primary = await ownPrimary({ workers, writeDeadline: 60_000, maxPending: 256 * 1024 * 1024 })
    const { port } = primary.identity
    const [publisher, stuck, fast] = await openInTurn(port, workers, 3)
    let got = 0
    fast.onMessage = () => {
      got++
    }
    stuck.send('SUB flood 1\r\n')
    fast.send('SUB flood 1\r\n')
    await stuck.sync()
    await fast.sync()
    stuck.socket.pause()
    const startMs = performance.now()
    const sent = await flood(publisher, 4096, () => false)
    await until('all messages', () => got >= sent)
    expect(got).toBe(sent)
    // 32 MiB; a publisher that were held for every read would need many seconds.
    expect(performance.now() - startMs).toBeLessThan(8000)
    await stuck.close()
  })
})
