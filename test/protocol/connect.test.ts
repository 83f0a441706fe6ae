// CONNECT beside nats-server: what is accepted, what is answered, and what name the page of connections then shows.

import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { goText } from '../../src/text/utf8.ts'
import { ownPrimary } from '../support/harness.ts'
import { monitorPage } from '../support/monitor-page.ts'
import { missing, peers } from '../support/peers.ts'
import { startNatsServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const INTEGERS = [
  '0',
  '1',
  '-0',
  '-1',
  '2',
  '1.0',
  '1e0',
  '1.5',
  '1E2',
  '1e400',
  '"1"',
  'true',
  'null',
  '[]',
  '{}',
].concat(['9007199254740993', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '1'.repeat(1000)])
const VALUES = ['1', 'true', '"x"', '"true"', 'null', '[]', '{}', '{"allow":"a"}', '{"ALLOW":["a",null]}', '{"deny":1}']
const TYPED = [
  'verbose',
  'headers',
  'name',
  'lang',
  'sig',
  'remote_account',
  'tls_required',
  'import',
  'export',
  'nonce',
]

/** Byte strings. */
const CONNECTS: readonly string[] = [
  ...INTEGERS.map((value) => `{"protocol":${value}}`),
  ...TYPED.flatMap((name) => VALUES.map((value) => `{"${name}":${value}}`)),
  ...[
    '{"name":"a","NAME":"b","name":"c"}',
    '{"NAME":"b","name":"a"}',
    '{"name":"a","name":null}',
    '{"name":"a","Name":1}',
    '{"verbose":"x","verbose":true}',
    '{"na\\u006de":"escaped"}',
    '{"VERBOſE":1}',
    '{"\u212aname":1}',
    '{"name":"\\ud800"}',
    '{"name":"\\ud800x\\udc00"}',
    '{"name":"\\ud83d\\ude00"}',
    '{"name":"\\ud800\\ud800"}',
    '{"name":"\ufeffa"}',
    '{"__proto__":{"verbose":1}}',
    '[]',
    'null',
    '1',
    '"x"',
    '{}x',
    '{"a":1,}',
    '{"x":01}',
    '{"name":"a\tb"}',
    '{"name":"\\x41"}',
    `{"x":${'['.repeat(1900)}${']'.repeat(1900)}}`,
    `{"x":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}`,
  ].map((text) => Buffer.from(text).toString('latin1')),
  '{"name":"\xff"}',
  '{"name":"\xe2\x82"}',
  '{"name":"\xed\xa0\x80"}',
  '{"name":"\xf0\x9f\x98"}',
  '{"name":"a\xc0\x80b"}',
  '{"name":"\xf4\x90\x80\x80"}',
  '\xef\xbb\xbf{"name":"a"}',
]

interface Server {
  readonly port: number
  readonly monitorPort: number
}

/** What a server says to each, and the names of those that it has let in. */
async function answersOf({ port, monitorPort }: Server): Promise<unknown> {
  const answers: string[] = []
  for (const json of CONNECTS) {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    let text = ''
    socket.setEncoding('latin1').on('data', (bytes) => {
      text += bytes
    })
    await until('INFO', () => text.endsWith('\r\n'))
    text = ''
    socket.write(Buffer.from(`CONNECT ${json}\r\nPING\r\n`, 'latin1'))
    await until('an answer', () => socket.readableEnded || text.includes('PONG\r\n'))
    const answer = text.replace(/INFO .*\r\n/, '').replaceAll('\r\n', ' ')
    answers.push(`${json.slice(0, 60)} → ${answer}${socket.readableEnded ? 'closed' : ''}`)
  }
  const page = JSON.parse((await monitorPage(monitorPort, '/connz?sort=cid')).text)
  return { answers, names: page.connections.map(({ name }: { name?: string }) => name) }
}

test.skipIf(missing('natsServer', 'CONNECT beside nats-server'))(
  'CONNECT is read as nats-server reads it',
  async () => {
    const program = await startNatsServer(peers.natsServer as string, ['-m', '-1'])
    const [, monitorPort] = await program.until(/Starting http monitor on \S*:(\d+)/)
    const expected = await answersOf({ port: program.port, monitorPort: Number(monitorPort) })
    await program.stop()
    const primary = await ownPrimary({ workers: 1, monitorPort: -1 })
    expect(await answersOf({ port: primary.identity.port, monitorPort: primary.monitorPort as number })).toEqual(
      expected,
    )
  },
)

test('each byte that is no part of a character stands for one replacement', () => {
  expect(goText(Buffer.from('a\xc3\xa4\xff\xe2\x82b\xed\xa0\x80\xf0\x9f\x98\x80', 'latin1'))).toBe(
    'aä\ufffd\ufffd\ufffdb\ufffd\ufffd\ufffd😀',
  )
  expect(goText(Buffer.from('xaxx'), 1, 2)).toBe('a')
})
