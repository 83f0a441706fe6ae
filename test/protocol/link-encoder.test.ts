import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocateBlock } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { composeRaw } from '../../src/protocol/compose.ts'
import { interestEndLine, interestLine, LinkComposer } from '../../src/protocol/link-encoder.ts'
import { LEAF_FORMAT, type LinkFormat } from '../../src/protocol/link-handler.ts'
import { interest, interestEnd, message } from '../model/link-model.ts'
import { chooseSeed } from '../support/random.ts'
import { feedLink } from './link-feed.ts'

const FORMATS: readonly LinkFormat[] = [
  LEAF_FORMAT,
  { kind: 'route', namesAccount: true, namesOriginOnEnd: true },
  { kind: 'route', namesAccount: false, namesOriginOnEnd: true },
]
const LIMITS = { maxControlLine: 65_536, maxPayload: 1024 * 1024 }
const pool = new ChunkPool()

const word = fc.string({
  unit: fc.integer({ min: 33, max: 255 }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 60,
})
const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })

interface Sent {
  readonly account: string
  readonly origin: string
  readonly subject: string
  readonly renamed: string
  readonly reply: string
  readonly shown: string
  readonly queues: readonly string[]
  readonly header: string
  readonly payload: string
}

/** The bytes of one message, as the composer writes it. */
function written(format: LinkFormat, sent: Sent, withHeader: boolean): Buffer {
  const composer = new LinkComposer(format.kind)
  const { account, origin, queues } = sent
  composer.queues = queues
  const to = allocateBlock(16 * 1024)
  let end = 0
  const { subject, shown, reply, header } = sent
  const payload = Buffer.from(sent.payload, 'latin1')
  composeRaw(pool, { subject, shown, reply, header, payload, isImported: false }, (run) => {
    run.cluster = origin
    composer.begin(run, sent.renamed, format.namesAccount ? account : '', withHeader)
    end = composer.write(to, 0, run, 0, 1)
    expect(end).toBe(composer.length + run.size - (withHeader ? 0 : run.headerSize) + 2)
  })
  return Buffer.from(to.bytes.subarray(0, end))
}

test('what the composer writes is what the parser reads', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.record({
        account: word,
        origin: fc.oneof(fc.constant(''), word),
        subject: word,
        renamed: fc.oneof(fc.constant(''), word),
        reply: fc.oneof(fc.constant(''), word),
        shown: fc.oneof(fc.constant(''), word),
        queues: fc.array(word, { maxLength: 4 }),
        header: fc.oneof(fc.constant(''), fc.constant('NATS/1.0\r\nA: b\r\n\r\n')),
        payload: text,
      }),
      fc.boolean(),
      (format, sent, takesHeaders) => {
        const withHeader = takesHeaders && sent.header !== ''
        const reply = sent.reply === '' || sent.shown === '' ? sent.reply : `${sent.reply}@${sent.shown}`
        const { calls } = feedLink(written(format, sent, withHeader), [], { format, ...LIMITS })
        expect(calls).toEqual([
          message(
            format.namesAccount ? sent.account : '',
            format.kind === 'route' ? sent.origin : '',
            sent.renamed === '' ? sent.subject : sent.renamed,
            reply,
            sent.queues,
            withHeader ? sent.header.length : 0,
            (withHeader ? sent.header : '') + sent.payload,
          ),
        ])
      },
    ),
    { seed: chooseSeed('link heads'), numRuns: 2000 },
  )
})

// As nats-server writes them.
test.each([
  [FORMATS[0], '', '', [], 'LMSG s 2\r\nhi\r\n'],
  [FORMATS[0], '', 'rep', ['Q'], 'LMSG s + rep Q 2\r\nhi\r\n'],
  [FORMATS[0], '', '', ['Q', 'R'], 'LMSG s | Q R 2\r\nhi\r\n'],
  [FORMATS[1], '', 'rep', [], 'RMSG A s rep 2\r\nhi\r\n'],
  [FORMATS[2], '', '', [], 'RMSG s 2\r\nhi\r\n'],
  [FORMATS[1], 'LXC', 'rp', ['QQ'], 'LMSG LXC A s + rp QQ 0 2\r\nhi\r\n'],
] as const)('%o, origin "%s", reply "%s", queues %o', (format, origin, reply, queues, expected) => {
  const sent: Sent = {
    account: 'A',
    origin,
    subject: 's',
    renamed: '',
    reply,
    shown: '',
    queues,
    header: '',
    payload: 'hi',
  }
  expect(written(format, sent, false).toString()).toBe(expected)
})

test('a subject that differs from the one that leads to the receiver goes behind the reply subject', () => {
  const sent: Sent = {
    account: '',
    origin: '',
    subject: '_INBOX.z.1',
    renamed: '',
    reply: '$JS.ACK.S1.D.1.1.1.1795939149533645971.0',
    shown: 's1.a',
    queues: [],
    header: '',
    payload: 'hello',
  }
  expect(written(LEAF_FORMAT, sent, false).toString()).toBe(
    'LMSG _INBOX.z.1 $JS.ACK.S1.D.1.1.1.1795939149533645971.0@s1.a 5\r\nhello\r\n',
  )
})

test('lines of interest are what the parser reads', () => {
  const options = { account: 'A', subject: 's.>', queue: '', weight: 1, origin: undefined }
  const [leaf, pooled, single] = FORMATS
  expect(interestLine(leaf, options)).toBe('LS+ s.>\r\n')
  expect(interestLine(leaf, { ...options, queue: 'Q', weight: 3 })).toBe('LS+ s.> Q 3\r\n')
  expect(interestEndLine(leaf, { ...options, queue: 'Q', weight: 0 })).toBe('LS- s.> Q\r\n')
  expect(interestLine(pooled, { ...options, queue: 'Q', weight: 3 })).toBe('RS+ A s.> Q 3\r\n')
  expect(interestEndLine(single, options)).toBe('RS- s.>\r\n')
  expect(interestLine(pooled, { ...options, origin: '_' })).toBe('LS+ _ A s.>\r\n')
  expect(interestEndLine(pooled, { ...options, origin: 'LXC' })).toBe('LS- LXC A s.>\r\n')
  expect(interestEndLine({ ...pooled, namesOriginOnEnd: false }, { ...options, origin: 'LXC' })).toBe('LS- A s.>\r\n')
  for (const format of FORMATS) {
    const sent = { account: format.namesAccount ? 'A' : '', subject: 's', queue: 'q', weight: 7 }
    const origin = format.kind === 'leaf' ? '' : 'C'
    const lines = interestLine(format, { ...sent, origin }) + interestEndLine(format, { ...sent, origin })
    expect(feedLink(Buffer.from(lines), [], { format, ...LIMITS }).calls).toEqual([
      interest(sent.account, 's', 'q', 7, origin),
      interestEnd(sent.account, 's', 'q', origin),
    ])
  }
})
