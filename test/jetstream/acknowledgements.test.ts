// What waits to be acknowledged, beside a naive list of it.

import { expect, test } from 'vitest'
import { Acknowledgements } from '../../src/jetstream/acknowledgements.ts'
import type { Sender } from '../../src/jetstream/sender.ts'
import { blockFrom } from '../../src/memory/block.ts'
import { Run, replyOf, subjectOf } from '../../src/protocol/run.ts'
import { Random } from '../support/random.ts'

const STEPS = 20_000
const OPENING = blockFrom('{"seq":')

/** A run with a reply subject, as far as that is looked at. */
function runWith(reply: string): Run {
  const run = new Run()
  run.line = blockFrom(`s ${reply}`)
  run.replyStart = 2
  run.replyEnd = 2 + reply.length
  return run
}

test('all that is durable is sent, in order, and what failed is refused', () => {
  const seed = Date.now() % 1_000_000
  const random = new Random(seed)
  let sent: string[] = []
  /** Called within a dispatch: what is sent may lead back to the stream. */
  let during = (): void => undefined
  const take = (subject: string, text: string): void => {
    sent.push(`${subject} ${text}`)
    during()
  }
  const sender = {
    apart: (work: () => void) => work(),
    answer(run: Run): void {
      expect(replyOf(run)).toBe('')
      expect(run.block.bytes.toString('latin1', run.first + run.size, run.first + run.size + 2)).toBe('\r\n')
      take(subjectOf(run), run.block.bytes.toString('utf8', run.first, run.first + run.size))
    },
    send(subject: string, text: string): number {
      take(subject, text)
      return 1
    },
  } as unknown as Sender
  const acknowledgements = new Acknowledgements(sender)
  let waiting: { seq: number; message: string }[] = []
  let seq = 2 ** 31 - STEPS / 4
  let durable = seq
  const add = (): void => {
    seq += random.below(3)
    const reply = '_INBOX.'.padEnd(7 + random.below(random.below(50) === 0 ? 40_000 : 40), 'x')
    if (random.below(4) > 0) {
      acknowledgements.awaitPlain(seq, runWith(reply), OPENING)
      waiting.push({ seq, message: `${reply} {"seq":${seq}}` })
    } else {
      const text = `{"batch":"ü${random.below(1_000)}"}`
      acknowledgements.await(seq, reply, text)
      waiting.push({ seq, message: `${reply} ${text}` })
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const what = random.below(20)
    sent = []
    if (what < 16) add()
    else if (what < 19) {
      durable = Math.max(durable, seq - random.below(30))
      const isNested = random.below(5) === 0
      during = () => {
        during = () => undefined
        if (!isNested) return
        for (let i = 0; i < 5; i++) add()
        acknowledgements.settle(durable)
      }
      acknowledgements.settle(durable)
      during = () => undefined
      const owed = waiting.filter((each) => each.seq <= durable)
      waiting = waiting.filter((each) => each.seq > durable)
      expect(sent, `seed ${seed}, step ${step}`).toEqual(owed.map(({ message }) => message))
    } else {
      const first = Math.max(durable, seq - random.below(10)) + 1
      acknowledgements.fail(first, 'no')
      const failed = waiting.filter((each) => each.seq >= first)
      waiting = waiting.filter((each) => each.seq < first)
      expect(sent, `seed ${seed}, step ${step}`).toEqual(failed.map(({ message }) => `${message.split(' ')[0]} no`))
      seq = Math.max(durable, first - 1)
    }
  }
})
