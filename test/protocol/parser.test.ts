import { expect, test } from 'vitest'
import { CONTROL_LINE_MAX } from '../../src/base/constants.ts'
import { allocateBlock } from '../../src/memory/block.ts'
import { Parser } from '../../src/protocol/parser.ts'
import type { Run } from '../../src/protocol/run.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { faultName, ping, sub, unsub } from '../model/calls.ts'
import { ParserModel } from '../model/parser-model.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { CallRecorder, everyByte, FEED_DEFAULTS, type FeedSettings, feed, negotiatedHeaders } from './feed.ts'
import { BLANKS, CONVERSATIONS, LARGE, REFUSALS, TRANSCRIPTS, type Transcript } from './transcripts.ts'

function settingsOf(transcript: Transcript): FeedSettings {
  return { ...FEED_DEFAULTS, ...transcript.settings }
}

function callsOf(transcript: Transcript, cuts: Iterable<number>): readonly string[] {
  return feed(transcript.input, cuts, settingsOf(transcript)).calls
}

/** Cheap for thousands of repetitions; the long way only to show the difference. */
function expectSame(got: readonly string[], transcript: Transcript, where: string): void {
  const { calls } = transcript
  if (got.length === calls.length && got.every((call, i) => call === calls[i])) return
  expect(got, where).toEqual(calls)
}

/** In large inputs: around the ends of lines and payloads, and some in between. */
function placesToCut(transcript: Transcript): Iterable<number> {
  const { length } = transcript.input
  if (length < 20_000) return everyByte(length)
  const places = new Set<number>()
  for (let at = 1; at < 48; at++) places.add(at)
  for (let at = length - 48; at < length; at++) places.add(at)
  for (let at = 997; at < length; at += 9_973) places.add(at)
  for (let at = transcript.input.indexOf('PUB'); at >= 0; at = transcript.input.indexOf('PUB', at + 1)) {
    for (let near = at - 4; near < at + 24; near++) if (near > 0 && near < length) places.add(near)
  }
  return places
}

for (const [kind, transcripts] of Object.entries({ CONVERSATIONS, LARGE, REFUSALS })) {
  test.each(transcripts.map((transcript) => [transcript.name, transcript] as const))(
    `${kind.toLowerCase()}: %s, whole, cut anywhere, and byte by byte`,
    (_, transcript) => {
      expectSame(callsOf(transcript, []), transcript, 'whole')
      expectSame(callsOf(transcript, everyByte(transcript.input.length)), transcript, 'byte by byte')
      for (const cut of placesToCut(transcript)) expectSame(callsOf(transcript, [cut]), transcript, `cut at ${cut}`)
    },
  )
}

test.each(BLANKS.map((transcript) => [transcript.name, transcript] as const))(
  'blanks: %s, whole and in pieces',
  (_, transcript) => {
    const { length } = transcript.input
    expectSame(callsOf(transcript, []), transcript, 'whole')
    for (const cut of [9, 10, 11, 100, 5_000, 9_000, 20_001, length - 12, length - 10, length - 1]) {
      expectSame(callsOf(transcript, [cut]), transcript, `cut at ${cut}`)
    }
    const thousands = Array.from({ length: Math.floor(length / 1000) }, (_, i) => (i + 1) * 1000)
    expectSame(callsOf(transcript, thousands), transcript, 'a thousand bytes at a time')
  },
)

test('every transcript in 20,000 random sets of pieces leads to the same calls', () => {
  const random = new Random(chooseSeed('parser pieces'))
  const small = TRANSCRIPTS.filter((transcript) => transcript.input.length < 20_000)
  for (let i = 0; i < 20_000; i++) {
    const transcript = random.pick(small)
    const cuts = new Set<number>()
    const count = 1 + random.below(12)
    for (let c = 0; c < count; c++) cuts.add(random.below(transcript.input.length + 1))
    const sorted = [...cuts].sort((a, b) => a - b)
    const settings = { ...settingsOf(transcript), runMax: random.pick([1, 2, 5, Number.MAX_SAFE_INTEGER]) }
    const { calls } = feed(transcript.input, sorted, settings)
    expectSame(calls, transcript, `${transcript.name}, cut at ${sorted.join(', ')}, seed ${random.seed}`)
  }
})

test('the model makes the calls that the transcripts name', () => {
  for (const transcript of [...TRANSCRIPTS, ...BLANKS]) {
    const model = new ParserModel(settingsOf(transcript), (json, self) => {
      self.headers = negotiatedHeaders(json, self.headers)
    })
    expectSame(model.read(transcript.input.toString('latin1')), transcript, transcript.name)
  }
})

test('messages under equal lines travel as one run, up to the longest that is wanted', () => {
  const input = Buffer.from('PUB a 2\r\nhi\r\n'.repeat(10))
  const lengths = (runMax: number): number[] => feed(input, [], { ...FEED_DEFAULTS, runMax }).runLengths
  expect(lengths(Number.MAX_SAFE_INTEGER)).toEqual([10])
  expect(lengths(4)).toEqual([4, 4, 2])
  expect(lengths(1)).toEqual(Array(10).fill(1))
})

test('a run ends where the line changes by a byte', () => {
  const input = Buffer.from('PUB a 2\r\nhi\r\nPUB a 2\r\nho\r\nPUB b 2\r\nhi\r\nPUB b 2\nhi\r\n')
  expect(feed(input, []).runLengths).toEqual([2, 1, 1])
})

test('a message that was cut may be kept by reference, one that was not may not', () => {
  const chunks: boolean[] = []
  class Watcher extends CallRecorder {
    override processPub(run: Run): number {
      chunks.push(run.chunk !== undefined)
      return super.processPub(run)
    }
  }
  feed(Buffer.from('PUB a 2\r\nhi\r\nPUB a 2\r\nhi\r\n'), [24], FEED_DEFAULTS, new Watcher())
  expect(chunks).toEqual([false, true])
})

test('what the router knows of a subject stays with the run while the next one has the same subject', () => {
  const known: (string | undefined)[] = []
  class Router extends CallRecorder {
    override processPub(run: Run): number {
      const subject = run.line.bytes.toString('latin1', run.subjectStart, run.subjectEnd)
      const memo = run.memo as { readonly subject: string } | undefined
      if (memo !== undefined) expect(memo.subject).toBe(subject)
      known.push(memo?.subject)
      run.memo = { subject }
      return super.processPub(run)
    }
    override processPing(): void {
      super.processPing()
      // As after a login, which may be into another account.
      this.parser?.allowHeaders(false)
    }
  }
  const publishes = ['PUB a 1', 'PUB a 2', 'PUB  a r.1 1', 'PUB ab 1', 'PUB b 1', 'PUB b 2']
  const text = publishes.map((line) => `${line}\r\n${'x'.repeat(Number(line.at(-1)))}\r\n`).join('')
  const input = Buffer.from(`${text}PING\r\nPUB b 1\r\nx\r\n`)
  for (const cuts of [[], everyByte(input.length)]) {
    known.length = 0
    feed(input, cuts, FEED_DEFAULTS, new Router())
    expect(known).toEqual([undefined, 'a', 'a', undefined, undefined, 'b', undefined])
  }
})

test('nothing is carried out after the handler has stopped the parser', () => {
  class Leaver extends CallRecorder {
    override processPing(): void {
      super.processPing()
      this.parser?.stop()
    }
    override processPub(run: Run): number {
      const taken = super.processPub(run)
      this.parser?.stop()
      return taken
    }
  }
  const afterPing = Buffer.from('SUB a 1\r\nPING\r\nPING\r\nSUB b 2\r\n')
  const afterPub = Buffer.from('SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n')
  for (const cuts of [[], [10], everyByte(afterPing.length)]) {
    expect(feed(afterPing, cuts, FEED_DEFAULTS, new Leaver()).calls).toHaveLength(2)
  }
  for (const cuts of [[], [10], [18], everyByte(afterPub.length)]) {
    expect(feed(afterPub, cuts, FEED_DEFAULTS, new Leaver()).calls).toHaveLength(2)
  }
})

test('a fault comes with the first bytes of what was wrong, at most 32, or with the size that is too much', () => {
  for (const transcript of REFUSALS) {
    const { snippet } = feed(transcript.input, [], settingsOf(transcript))
    if (snippet === undefined) throw new Error(`${transcript.name}: no snippet`)
    expect(snippet.length).toBeLessThanOrEqual(32)
    if (snippet.includes(' vs ')) expect(snippet).toMatch(/^\d+ vs \d+$/)
    else expect(transcript.input.toString('latin1')).toContain(snippet)
  }
})

test('a line over the limit is refused with the bytes that make it so, not when it ends', () => {
  const recorder = new CallRecorder()
  feed(Buffer.from(`SUB ${'a'.repeat(66)}`), everyByte(70), { ...FEED_DEFAULTS, maxControlLine: 64 }, recorder)
  expect(recorder.calls).toEqual(['FAULT controlLine'])
  expect(feed(Buffer.from(`SUB ${'a'.repeat(65)}`), [], { ...FEED_DEFAULTS, maxControlLine: 64 }).calls).toEqual([])
})

test('a wrong end of payload is refused as soon as it is there', () => {
  expect(feed(Buffer.from('PUB a 2\r\nhix'), []).calls).toEqual(['FAULT unknownOperation'])
  expect(feed(Buffer.from('PUB a 2\r\nhix'), [11]).calls).toEqual(['FAULT unknownOperation'])
  expect(feed(Buffer.from('PUB a 2\r\nhi\rx'), [12]).calls).toEqual(['FAULT unknownOperation'])
})

function tracesOf(input: string, cuts: Iterable<number>): string[] {
  return feed(Buffer.from(input, 'latin1'), cuts, { ...FEED_DEFAULTS, traced: true }).traces
}

test('a trace shows each operation and each payload, also of a run, and however they are cut', () => {
  const input =
    'CONNECT {}\r\nPING\r\nPONG\r\nSUB a q 1\r\nUNSUB 1\r\npub a 2\r\nhi\r\nPUB a 2\r\nho\r\nPUB a 2\r\nha\r\n' +
    'HPUB a r 1 2\r\nhe\r\n'
  const traces = [
    'CONNECT {}',
    'PING ',
    'PONG ',
    'SUB a q 1',
    'UNSUB 1',
    'PUB a 2',
    'MSG_PAYLOAD hi',
    'PUB a 2',
    'MSG_PAYLOAD ho',
    'PUB a 2',
    'MSG_PAYLOAD ha',
    'HPUB a r 1 2',
    'MSG_PAYLOAD he',
  ]
  expect(tracesOf(input, everyByte(input.length)), 'byte by byte').toEqual(traces)
  expect(tracesOf(input, []), 'whole').toEqual(traces)
})

test('the faults that transcripts name are those of errors.ts', () => {
  expect(faultName({ text: undefined, reason: 'Parse Error' })).toContain('not one of Faults')
})

test('suspended twice, it goes on when both have resumed, with all that came meanwhile in order', () => {
  const recorder = new CallRecorder()
  const parser = new Parser(recorder, new CountingPool(), { maxControlLine: 4096, maxPayload: 1024 })
  const push = (text: string): void => {
    const block = allocateBlock(CONTROL_LINE_MAX + text.length)
    block.bytes.write(text, CONTROL_LINE_MAX)
    parser.push(block, CONTROL_LINE_MAX, CONTROL_LINE_MAX + text.length)
  }
  parser.suspend()
  push('SUB a 1\r\nPI')
  parser.suspend()
  push('NG\r\n')
  parser.resume()
  push('UNSUB 1\r\n')
  expect(recorder.calls).toEqual([])
  parser.resume()
  expect(recorder.calls).toEqual([sub('a', '1'), ping, unsub('1')])
})

/** Gives way whenever the turn is over, and takes at most so many messages of a run. */
class Yielder extends CallRecorder {
  readonly turn = { left: 0 }
  turns = 0
  private readonly runMax: number

  constructor(runMax: number) {
    super()
    this.runMax = runMax
  }

  override processPub(run: Run): number {
    run.count = Math.min(run.count, this.runMax)
    return super.processPub(run)
  }

  override turnIsOver(): void {
    this.turns++
    this.parser?.suspend()
  }
}

test('whatever the turns, and however much of a run is taken, all is told once and in order', () => {
  const random = new Random(chooseSeed('parser.test.ts'))
  const lines = [
    'PING\r\n',
    'PUB a 2\r\nhi\r\n',
    'PUB b 0\r\n\r\n',
    'SUB a 1\r\n',
    'UNSUB 1\r\n',
    '+OK\r\n',
    `PUB long 900\r\n${'x'.repeat(900)}\r\n`,
  ]
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 60 }, () => random.pick(lines).repeat(1 + random.below(5))).join('')
    const input = Buffer.from(text)
    const recorder = new Yielder(1 + random.below(4))
    const pool = new CountingPool()
    const parser = new Parser(recorder, pool, { maxControlLine: 4096, maxPayload: 1024 }, recorder.turn)
    parser.runMax = 100
    recorder.parser = parser
    for (let at = 0; at < input.length; ) {
      const piece = input.subarray(at, at + 1 + random.below(2000))
      at += piece.length
      const block = allocateBlock(CONTROL_LINE_MAX + piece.length)
      piece.copy(block.bytes, CONTROL_LINE_MAX)
      parser.push(block, CONTROL_LINE_MAX, CONTROL_LINE_MAX + piece.length)
      // Now and then more comes before it is its turn again.
      while (parser.hasRest && !random.chance(0.1)) {
        recorder.turn.left = random.below(300)
        parser.resume()
      }
    }
    while (parser.hasRest) {
      recorder.turn.left = 1
      parser.resume()
    }
    expect(recorder.calls).toEqual(feed(input, []).calls)
    expect(recorder.turns).toBeGreaterThan(0)
    parser.stop()
    expect(pool.outstanding).toBe(0)
  }
})

test('what waits for its turn is copied once, however many turns it takes', () => {
  const recorder = new Yielder(1)
  const pool = new CountingPool()
  const parser = new Parser(recorder, pool, { maxControlLine: 4096, maxPayload: 1024 }, recorder.turn)
  recorder.parser = parser
  const text = 'PING\r\n'.repeat(1000)
  const block = allocateBlock(text.length)
  block.bytes.write(text)
  parser.push(block, 0, text.length)
  while (parser.hasRest) {
    recorder.turn.left = 1
    parser.resume()
  }
  expect(recorder.calls).toHaveLength(1000)
  expect(recorder.turns).toBeGreaterThanOrEqual(1000)
  expect(pool.acquired).toBe(1)
})
