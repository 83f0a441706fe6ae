// The client that teaches the protocol (examples/client), on Heddle and on nats-server.

import { describe, expect, onTestFinished, test } from 'vitest'
import { Client } from '../../examples/client/client.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { Program } from '../support/server.ts'
import { until, within } from '../support/until.ts'
import { Impostor, info, rejection } from './support.ts'

const servers = configuredServers('the example of a client').filter(({ name }) => !name.includes('4 shards'))

async function connected(port: number): Promise<Client> {
  const client = new Client()
  await client.connect(`127.0.0.1:${port}`)
  onTestFinished(() => client.close())
  return client
}

describe.each(servers)('on $name', (kind) => {
  test('its four verbs', async () => {
    const { port } = await startConfigured(kind, '')
    const [one, two] = [await connected(port), await connected(port)]
    const got: string[] = []
    const sid = one.subscribe('greetings.*', '', (subject, reply, payload) =>
      got.push(`${subject} ${reply} ${payload}`),
    )
    one.publish('greetings.self', '', 'hello')
    await until('the first', () => got.length === 1)
    two.publish('greetings.other', 'answers', Buffer.from('ho\r\nla'))
    await until('the second', () => got.length === 2)
    expect(got).toEqual(['greetings.self  hello', 'greetings.other answers ho\r\nla'])
    one.unsubscribe(sid)
    two.publish('greetings.other', '', 'x'.repeat(500_000))
    await one.close()
    expect(got.length).toBe(2)
    expect(() => one.publish('a', '', '')).toThrow('there is no connection')
  })

  test('a refusal is the error of connect', async () => {
    const { port } = await startConfigured(kind, 'authorization { token: secret }')
    expect((await rejection(new Client().connect(`127.0.0.1:${port}`))).message).toBe('Authorization Violation')
  })

  test('the program', async () => {
    const { port } = await startConfigured(kind, '')
    const program = new Program(process.execPath, ['examples/client/main.ts', `127.0.0.1:${port}`])
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    const said = program.stdout.trim().split('\n')
    expect(said.map((line) => line.replace(/^(?:Ada|Grace) says: /, '')).sort()).toEqual([
      'FOUR',
      'ONE',
      'THREE',
      'TWO',
    ])
  })
})

test('chunks may be cut anywhere, and PINGs are answered', async () => {
  let answered = false
  const server = await Impostor.start((socket) => {
    socket.write(info())
    socket.setNoDelay(true)
    socket.on('data', async (data) => {
      const text = String(data)
      if (text.includes('PONG')) answered = true
      if (text.startsWith('CONNECT')) socket.write('PONG\r\n')
      if (!text.startsWith('SUB')) return
      for (const byte of Buffer.from('+OK\r\nMSG a 1 b 3\r\nx\r\n\r\nMSG a 9 0\r\n\r\nPING\r\n')) {
        await new Promise((resolve) => socket.write(Buffer.of(byte), resolve))
      }
    })
  })
  const client = new Client()
  const got: string[] = []
  const connecting = client.connect(`127.0.0.1:${server.port}`)
  await within('the connection', connecting)
  client.subscribe('a', '', (...parts) => got.push(parts.join(' ')))
  await until('a PONG', () => answered)
  expect(got).toEqual(['a b x\r\n'])
  await client.close()
})

test('what would break a line is refused', async () => {
  const server = await Impostor.start((socket) => {
    socket.write(info({ max_payload: 3 }))
    socket.on('data', () => socket.write('PONG\r\n'))
  })
  const client = await connected(server.port)
  for (const wrong of ['', 'a b', 'a\r\n']) {
    expect(() => client.publish(wrong, '', 'x')).toThrow('is no subject')
    expect(() => client.subscribe(wrong, '', () => undefined)).toThrow('is no subject')
  }
  expect(() => client.publish('a', 'b c', 'x')).toThrow('is no subject')
  expect(() => client.publish('a', '', 'four')).toThrow('3 bytes at most')
  expect((await rejection(new Client().connect('127.0.0.1:1'))).message).toContain('ECONNREFUSED')
})
