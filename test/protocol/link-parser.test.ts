import { expect, test } from 'vitest'
import { LINK_CONTROL_LINE_MAX } from '../../src/base/constants.ts'
import { Faults } from '../../src/base/errors.ts'
import { allocateBlock } from '../../src/memory/block.ts'
import { LEAF_FORMAT, type LinkFormat, type MessageHead } from '../../src/protocol/link-handler.ts'
import { LinkParser } from '../../src/protocol/link-parser.ts'
import type { Run } from '../../src/protocol/run.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { fault } from '../model/calls.ts'
import { interest, interestEnd, type LinkSettings, linkCalls, message } from '../model/link-model.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { everyByte } from './feed.ts'
import { feedLink, LinkRecorder } from './link-feed.ts'

const POOLED: LinkFormat = { kind: 'route', namesAccount: true, namesOriginOnEnd: true }
const OF_ONE_ACCOUNT: LinkFormat = { kind: 'route', namesAccount: false, namesOriginOnEnd: true }
const LIMITS = { maxControlLine: LINK_CONTROL_LINE_MAX, maxPayload: 1024 * 1024 }

function callsOf(format: LinkFormat, input: string): readonly string[] {
  const settings: LinkSettings = { format, ...LIMITS }
  const bytes = Buffer.from(input, 'latin1')
  const { calls } = feedLink(bytes, [], settings)
  expect(feedLink(bytes, everyByte(bytes.length), settings).calls).toEqual(calls)
  expect(linkCalls(input, settings)).toEqual(calls)
  return calls
}

// Lines that two nats-servers have written to each other.
test('a pooled route names the account in every line', () => {
  expect(
    callsOf(
      POOLED,
      'RS+ A k.a\r\nRS+ A k.q Q 2\r\nLS+ LXC A lx.q Q 3\r\nLS+ _ A ly.a\r\nLS- LXC A lx.a\r\nRS- A k.q Q\r\n' +
        'RMSG X foo.a | q1 2\r\nhi\r\nRMSG X foo.a + rep q1 3\r\nhey\r\nLMSG LXC A k2.a 0 1\r\nx\r\n' +
        'LMSG LXC A k2.q + rp QQ 0 2\r\nok\r\nHMSG X foo.b r1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    ),
  ).toEqual([
    interest('A', 'k.a', '', 1, undefined),
    interest('A', 'k.q', 'Q', 2, undefined),
    interest('A', 'lx.q', 'Q', 3, 'LXC'),
    interest('A', 'ly.a', '', 1, '_'),
    interestEnd('A', 'lx.a', '', 'LXC'),
    interestEnd('A', 'k.q', 'Q', undefined),
    message('X', '', 'foo.a', '', ['q1'], 0, 'hi'),
    message('X', '', 'foo.a', 'rep', ['q1'], 0, 'hey'),
    message('A', 'LXC', 'k2.a', '', [], 0, 'x'),
    message('A', 'LXC', 'k2.q', 'rp', ['QQ'], 0, 'ok'),
    message('X', '', 'foo.b', 'r1', [], 12, 'NATS/1.0\r\n\r\nhi'),
  ])
})

test('the route of one account, and a leaf node, do not name it', () => {
  expect(callsOf(OF_ONE_ACCOUNT, 'RS+ pp\r\nRMSG pp 1\r\nx\r\nLMSG C pp 0 1\r\ny\r\n')).toEqual([
    interest('', 'pp', '', 1, undefined),
    message('', '', 'pp', '', [], 0, 'x'),
    message('', 'C', 'pp', '', [], 0, 'y'),
  ])
  expect(
    callsOf(
      LEAF_FORMAT,
      'LS+ h.q Q 2\r\nLS- h.q Q\r\nLMSG l.q + rep Q 3\r\nabc\r\nHMSG l.q | Q 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    ),
  ).toEqual([
    interest('', 'h.q', 'Q', 2, ''),
    interestEnd('', 'h.q', 'Q', ''),
    message('', '', 'l.q', 'rep', ['Q'], 0, 'abc'),
    message('', '', 'l.q', '', ['Q'], 12, 'NATS/1.0\r\n\r\nhi'),
  ])
})

test.each([
  ['LS+ a b', LEAF_FORMAT, 'badArguments'],
  ['LMSG a ? r q 1', LEAF_FORMAT, 'badArguments'],
  ['LMSG a ++ r q 1', LEAF_FORMAT, 'badArguments'],
  ['HMSG a 2 1', LEAF_FORMAT, 'badArguments'],
  ['LMSG a 1234567890', LEAF_FORMAT, 'badArguments'],
  ['LMSG a 1048577', LEAF_FORMAT, 'payload'],
  ['RS+ A b', LEAF_FORMAT, 'unknownOperation'],
  ['RMSG A b 1', LEAF_FORMAT, 'unknownOperation'],
  ['PUB a 1', LEAF_FORMAT, 'unknownOperation'],
  ['RS+ A', POOLED, 'badArguments'],
  ['RS+ A b q', POOLED, 'badArguments'],
  ['RS- A b q 1', POOLED, 'badArguments'],
  ['LMSG C A 0 1', POOLED, 'badArguments'],
  ['MSG a 1 1', POOLED, 'unknownOperation'],
] as const)('%s is refused', (line, format, name) => {
  expect(callsOf(format, `${line}\r\n`)).toEqual([fault(name)])
})

test('a leaf node may end what it has never announced', () => {
  expect(callsOf(LEAF_FORMAT, 'LS- a b c\r\nLS- \r\nPING\r\n')).toEqual(['PING'])
})

test('a line may be as long as its limit and no longer, ended or not', () => {
  const longest = 'a'.repeat(LINK_CONTROL_LINE_MAX)
  expect(feedLink(Buffer.from(`LS+ ${longest}\r\n`), [70, 60_000], { format: LEAF_FORMAT, ...LIMITS }).calls).toEqual([
    interest('', longest, '', 1, ''),
  ])
  for (const line of [`LS+ ${longest}a\r\n`, `LS+ ${longest}aa`]) {
    expect(feedLink(Buffer.from(line), [70, 60_000], { format: LEAF_FORMAT, ...LIMITS }).calls).toEqual([
      fault('controlLine'),
    ])
  }
})

test('messages under equal lines are one run, and those that are not taken come again', () => {
  const one = 'RMSG A b.c | q r 2\r\nhi\r\n'
  const input = Buffer.from(one.repeat(5))
  const whole = feedLink(input, [], { format: POOLED, ...LIMITS })
  expect(whole.runLengths).toEqual([5])
  const slow = new LinkRecorder()
  slow.taken = 2
  expect(feedLink(input, [], { format: POOLED, ...LIMITS }, slow).calls).toEqual(whole.calls)
  expect(slow.runLengths).toEqual([5, 3, 1])
})

test('the names in a head are the same strings while the lines have the same', () => {
  const heads: Pick<MessageHead, 'account' | 'queues'>[] = []
  class Keeper extends LinkRecorder {
    override processMessages(run: Run, head: MessageHead): number {
      heads.push({ account: head.account, queues: head.queues })
      return super.processMessages(run, head)
    }
  }
  const input = 'RMSG A b | q r 1\r\nx\r\nRMSG A c | q r 2\r\nxx\r\nRMSG A c | q 2\r\nxx\r\nRMSG B c 2\r\nxx\r\n'
  feedLink(Buffer.from(input), [], { format: POOLED, ...LIMITS }, new Keeper())
  expect(heads.map(({ account, queues }) => [account, ...queues])).toEqual([
    ['A', 'q', 'r'],
    ['A', 'q', 'r'],
    ['A', 'q'],
    ['B'],
  ])
  expect(heads[1].queues).toBe(heads[0].queues)
})

test('before CONNECT nothing else is taken, but INFO where compression may be negotiated', () => {
  const calls = (input: string, infoAllowed: boolean): readonly string[] => {
    const recorder = new LinkRecorder()
    const parser = new LinkParser(recorder, new CountingPool(), LIMITS, LEAF_FORMAT)
    parser.connectDue = true
    parser.infoAllowed = infoAllowed
    const block = allocateBlock(input.length)
    block.bytes.write(input, 'latin1')
    parser.push(block, 0, input.length)
    return recorder.calls
  }
  expect(calls('INFO {}\r\nCONNECT {}\r\nPING\r\n', true)).toEqual(['INFO {}', 'CONNECT {}', fault('authorization')])
  for (const line of ['INFO {}', 'LS+ a', 'LS- a', 'LMSG a 1', 'HMSG a 0 1', 'PING', 'PONG', "-ERR 'x'", '+OK', 'X']) {
    expect(calls(`${line}\r\n`, false), line).toEqual([fault('authorization')])
  }
  expect(Faults.authorization.text).toBe('Authorization Violation')
})

test('a change of format holds from the next line on, for lines that repeat the one before too', () => {
  const recorder = new LinkRecorder()
  const parser = new LinkParser(recorder, new CountingPool(), LIMITS, POOLED)
  const input = 'RMSG A b 1\r\nx\r\n'
  const block = allocateBlock(input.length)
  block.bytes.write(input, 'latin1')
  parser.push(block, 0, input.length)
  parser.format = OF_ONE_ACCOUNT
  parser.push(block, 0, input.length)
  expect(recorder.calls).toEqual([message('A', '', 'b', '', [], 0, 'x'), message('', '', 'A', 'b', [], 0, 'x')])
})

test('what is known of a subject is forgotten when the next line has it in another account, or of another origin', () => {
  const known: boolean[] = []
  class Keeper extends LinkRecorder {
    override processMessages(run: Run, head: MessageHead): number {
      known.push(run.memo !== undefined)
      run.memo = {}
      return super.processMessages(run, head)
    }
  }
  const lines = ['RMSG A b 1\r\nx\r\n', 'RMSG A b 2\r\nxx\r\n', 'RMSG A b r 2\r\nxx\r\n', 'RMSG B b 2\r\nxx\r\n']
  const others = [
    'LMSG C B b 0 1\r\nx\r\n',
    'LMSG C B b 0 2\r\nxx\r\n',
    'LMSG D B b 0 2\r\nxx\r\n',
    'RMSG B b 2\r\nxx\r\n',
  ]
  feedLink(Buffer.from([...lines, ...others].join('')), [], { format: POOLED, ...LIMITS }, new Keeper())
  expect(known).toEqual([false, true, true, false, false, true, false, false])
})

test('lines that differ in parts are read as they would be alone', () => {
  const seed = chooseSeed('similar lines')
  const random = new Random(seed)
  const pick = (...words: string[]): string => random.pick(words)
  for (let n = 0; n < 400; n++) {
    const format = random.pick([POOLED, OF_ONE_ACCOUNT, LEAF_FORMAT])
    let input = ''
    for (let i = 0; i < 12; i++) {
      const verb = format.kind === 'leaf' ? pick('LMSG', 'HMSG') : pick('RMSG', 'RMSG', 'HMSG', 'LMSG')
      const hasOrigin = format.kind === 'route' && verb === 'LMSG'
      const blank = random.chance(0.05) ? pick('  ', '\t') : ' '
      const names = `${hasOrigin ? `${pick('C', 'D')} ` : ''}${format.namesAccount ? `${pick('A', 'AB')} ` : ''}`
      const middle = random.chance(0.7) ? pick('', ' r', ' 12') : pick(' | q', ' + r q', ' | q r', ' |', ' r s')
      const payload = 'x'.repeat(random.below(14))
      const isHeaded = hasOrigin || verb === 'HMSG'
      const size = random.chance(0.03) ? pick('', '-1', '1x', '1048577', '0000000003') : `${payload.length}`
      const sizes = isHeaded ? `${random.below(payload.length + 1)} ${size}` : size
      input += `${verb}${blank}${names}${pick('b', 'b', 'b.c')}${middle} ${sizes}${pick('\r\n', '\r\n', '\r\n', '\n')}${payload}\r\n`
    }
    const settings: LinkSettings = { format, ...LIMITS }
    const bytes = Buffer.from(input, 'latin1')
    const expected = linkCalls(input, settings)
    expect(feedLink(bytes, [], settings).calls, input).toEqual(expected)
    expect(feedLink(bytes, everyByte(bytes.length), settings).calls, input).toEqual(expected)
  }
})
