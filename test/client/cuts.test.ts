// Connections that are cut at random places, under load: what comes is whole, in order and never twice, and requests
// come to an end.

import { connect as openSocket, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ownServer } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { within } from '../support/until.ts'
import { client, Impostor } from './support.ts'

/** Passes bytes on to `port`; each connection ends after a random number of them, in the middle of whatever is there. */
async function cuttingProxy(port: number, random: Random, bytesMax: number): Promise<Impostor> {
  return Impostor.start((near) => {
    const far: Socket = openSocket(port, '127.0.0.1')
    let left = 600 + random.below(bytesMax)
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes: Buffer) => {
        to.write(bytes.subarray(0, Math.max(0, left)))
        left -= bytes.length
        if (left > 0) return
        near.destroySoon()
        far.destroy()
      })
      from.on('close', () => to.destroy())
      from.on('error', () => undefined)
    }
    pass(near, far)
    pass(far, near)
  })
}

test('what comes through cuts is whole and in order', async () => {
  const random = new Random(chooseSeed('client cuts'))
  const server = await ownServer({ workers: 1 })
  const proxy = await cuttingProxy(server.port, random, 300_000)
  const options = { port: proxy.port, maxReconnectAttempts: -1, reconnectTimeWait: 1, reconnectJitter: 1 }
  const [publisher, subscriber] = [
    await client({ ...options, waitOnFirstConnect: true }),
    await client({ ...options, waitOnFirstConnect: true }),
  ]
  let latest = -1
  let received = 0
  const faults: string[] = []
  subscriber.subscribe('numbers', {
    callback: (_, message) => {
      received++
      const [number, filler] = message.string().split(' ')
      if (Number(number) <= latest) faults.push(`${number} after ${latest}`)
      if (filler.length !== Number(number) % 300) faults.push(`${number} has ${filler.length} characters`)
      latest = Number(number)
    },
  })
  subscriber.subscribe('double', { callback: (_, message) => message.respond(`${Number(message.string()) * 2}`) })
  const ask = async (i: number): Promise<void> => {
    try {
      const answer = await publisher.request('double', `${i}`, { timeout: 200 })
      if (answer.string() !== `${i * 2}`) faults.push(`${i} was answered by ${answer.string()}`)
    } catch {
      // Lost in a cut.
    }
  }
  const requests: Promise<void>[] = []
  for (let i = 0; i < 20_000; i++) {
    publisher.publish('numbers', `${i} ${'x'.repeat(i % 300)}`)
    if (i % 50 === 0) requests.push(ask(i))
    if (i % 200 === 0) await publisher.flush().catch(() => undefined)
  }
  await within('all requests', Promise.all(requests))
  expect(faults).toEqual([])
  expect(received).toBeGreaterThan(100)
})
