// What the client sends: random operations over transports that take bytes at once, later, or are lost, compared with
// the plain text of the operations.

import { expect, test } from 'vitest'
import { ReconnectBufferExceededError } from '../../src/client/errors.ts'
import { Output } from '../../src/client/output.ts'
import type { Transport } from '../../src/client/transport.ts'
import { chooseSeed, Random } from '../support/random.ts'

/** Reads what it was given when it takes it, as a socket does: whoever reuses memory too early is found out. */
class SlowTransport implements Transport {
  readonly isSecure = false
  text = ''
  private waiting: { bytes: Uint8Array; taken: () => void }[] = []
  private deferred: (() => void)[] = []
  private readonly isPrompt: boolean

  constructor(isPrompt: boolean) {
    this.isPrompt = isPrompt
  }

  get bufferedAmount(): number {
    return this.waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.waiting.push({ bytes, taken })
    if (this.isPrompt) this.take()
  }

  defer(callback: () => void): void {
    this.deferred.push(callback)
  }

  /** Takes the first `count` writes. */
  take(count: number = this.waiting.length): void {
    for (const { bytes, taken } of this.waiting.splice(0, count)) {
      this.text += Buffer.from(bytes).toString('latin1')
      taken()
    }
  }

  /** The turn ends. */
  turn(): void {
    for (const callback of this.deferred.splice(0)) callback()
  }

  close(): void {}

  destroy(): void {}
}

test('what is sent is what was published, whenever it is taken', () => {
  const random = new Random(chooseSeed('client output'))
  for (let round = 0; round < 30; round++) {
    const output = new Output(Number.POSITIVE_INFINITY)
    const transport = new SlowTransport(round % 2 === 0)
    output.attachBehind(transport, () => undefined)
    const sizes = random.pick([
      [1, 16, 300],
      [10_000, 60_000],
      [1, 65_000, 200_000],
    ])
    let expected = ''
    for (let step = sizes.includes(1) ? 300 : 40; step > 0; step--) {
      const subject = random.pick(['a', 'a', 'b.c', `s.${random.below(1_000)}`])
      const payload = String.fromCharCode(97 + random.below(26)).repeat(random.pick(sizes))
      const reply = random.chance(0.2) ? `r.${step}` : ''
      const header = random.chance(0.1) ? Buffer.from('NATS/1.0\r\n\r\n') : undefined
      const isText = random.chance(0.5)
      output.publish(subject, reply, header, isText ? payload : Buffer.from(payload))
      const size = payload.length + (header?.length ?? 0)
      const words = [header === undefined ? 'PUB' : 'HPUB', subject, reply, header?.length ?? '', size]
      expected += `${words.filter((word) => word !== '').join(' ')}\r\n${header ?? ''}${payload}\r\n`
      if (random.chance(0.1)) output.publish('é', '', undefined, 'ü')
      else continue
      expected += Buffer.from('PUB é 2\r\nü\r\n').toString('latin1')
      if (random.chance(0.3)) transport.turn()
      if (random.chance(0.3)) output.flush()
      if (random.chance(0.3)) transport.take(random.below(3))
    }
    transport.turn()
    output.flush()
    transport.take()
    expect(transport.text === expected, `round ${round}`).toBe(true)
    expect(output.bufferedAmount).toBe(0)
    expect(output.bytesOut).toBe(expected.length)
  }
})

test('what was not handed over survives the loss of a transport', () => {
  const random = new Random(chooseSeed('client output lost'))
  for (let round = 0; round < 50; round++) {
    const output = new Output(Number.POSITIVE_INFINITY)
    let expected = ''
    for (let life = 0; life < 4; life++) {
      const transport = new SlowTransport(random.chance(0.5))
      output.attachBehind(transport, () => output.subscribe('first', '', life + 1))
      expected = `SUB first ${life + 1}\r\n${expected}`
      transport.take()
      expect(transport.text === expected, `round ${round}, life ${life}`).toBe(true)
      for (let i = random.below(500); i > 0; i--) output.publish('connected', '', undefined, 'x'.repeat(1_000))
      output.flush()
      output.detach()
      expected = ''
      for (let i = random.below(200); i > 0; i--) {
        const payload = 'y'.repeat(random.pick([1, 1_000, 70_000]))
        output.publish('waits', '', undefined, payload)
        expected += `PUB waits ${payload.length}\r\n${payload}\r\n`
      }
    }
  }
})

test('without a transport so much is kept, and a refused message leaves nothing', () => {
  const output = new Output(100)
  let kept = ''
  expect(() => {
    for (let i = 0; ; i++) {
      output.publish('a', '', undefined, `${i}`)
      kept += `PUB a ${`${i}`.length}\r\n${i}\r\n`
    }
  }).toThrow(ReconnectBufferExceededError)
  const transport = new SlowTransport(true)
  output.attachBehind(transport, () => undefined)
  expect(transport.text).toBe(kept)
})
