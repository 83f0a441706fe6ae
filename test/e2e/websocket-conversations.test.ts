// What is said over WebSocket: the table of conversations that a plain connection must pass, in frames, whole and cut,
// compressed and not; and what frames add to it. The latter is held against nats-server as well.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BAD_INPUT, expected, GOOD_INPUT, play, shown } from '../support/conversations.ts'
import { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { compressedFrame, DEFLATE, frame, Opcode, RawWebSocket, rawClientOverWebSocket } from '../support/websocket.ts'
import { startHeddle, type WebSocketServer, webSocketServers } from '../support/websocket-servers.ts'

const CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n'
const close = (code: number, text = ''): Buffer =>
  frame(Opcode.close, Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(text)]))

describe.each([0, 1])('heddle with %i workers', (workers) => {
  describe.each([false, true])('compression %j', (compression) => {
    let server: WebSocketServer
    beforeAll(async () => {
      server = await startHeddle(workers, { compression })
    })
    afterAll(() => server.stop())
    const connect = (): Promise<RawClient> => rawClientOverWebSocket(server.port, compression)

    test.each(BAD_INPUT)('refuses $name', async (conversation) => {
      const outcome = await play(connect, conversation, expected(conversation).closed)
      expect(shown(outcome)).toEqual(expected(conversation))
    })

    test.each(GOOD_INPUT)('understands $name', async (conversation) => {
      const outcome = await play(connect, conversation, expected(conversation).closed)
      expect(shown(outcome)).toEqual(expected(conversation))
    })

    test('understands all of it in frames of one byte as well', async () => {
      for (const conversation of GOOD_INPUT.filter(({ closes }) => closes === undefined)) {
        if (Buffer.byteLength(conversation.send) > 500) continue
        const outcome = await play(connect, conversation, false, true)
        expect({ name: conversation.name, ...shown(outcome) }).toEqual({
          name: conversation.name,
          ...expected(conversation),
        })
      }
    })
  })
})

describe.each(webSocketServers('WebSocket conversations'))('$name', (kind) => {
  let server: WebSocketServer
  beforeAll(async () => {
    server = await kind.start({ compression: true })
  })
  afterAll(() => server?.stop())

  async function open(headers: Record<string, string> = {}): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(server.port, headers)
    await client.readInfo()
    client.frames.length = 0
    return client
  }

  test('operations may be cut into fragments, with control frames between them', async () => {
    const client = await open()
    client.send(
      frame(Opcode.text, CONNECT.slice(0, 9), { fin: false }),
      frame(Opcode.continuation, CONNECT.slice(9)),
      frame(Opcode.binary, 'PI', { fin: false }),
      frame(Opcode.ping, 'between'),
      frame(Opcode.continuation, 'NG\r\n'),
      frame(Opcode.pong, 'unasked'),
    )
    await client.expectText(/^PONG\r\n/)
    const pong = await client.expectFrame(Opcode.pong)
    expect(pong.payload.toString()).toBe('between')
  })

  test('answers a PING with its payload', async () => {
    const client = await open()
    for (const payload of ['', 'x'.repeat(125)]) {
      client.send(frame(Opcode.ping, payload))
      expect((await client.expectFrame(Opcode.pong)).payload.toString()).toBe(payload)
    }
  })

  test('what came before a goodbye is carried out and delivered', async () => {
    const [listener, talker] = [await open(), await open()]
    listener.say(`${CONNECT}SUB last.words 1\r\nPING\r\n`)
    await listener.expectText(/PONG\r\n/)
    talker.send(frame(Opcode.binary, `${CONNECT}PUB last.words 2\r\nhi\r\n`), close(1000))
    await listener.expectText(/^MSG last\.words 1 2\r\nhi\r\n/)
    expect(await talker.expectGoodbye()).toBe('1000')
  })

  test.each([
    ['without a code', frame(Opcode.close, ''), 'empty'],
    ['with a code', close(1000), '1000'],
    ['with a code and a text', close(1001, 'so long'), '1001 so long'],
    ['with a code of its own', close(4000), '4000'],
  ])('answers a goodbye %s with the same', async (_, goodbye, answer) => {
    const client = await open()
    client.send(goodbye)
    expect(await client.expectGoodbye()).toBe(answer)
  })

  test.each([
    ['PUB over the limit', 'PUB a 2000000\r\n', '1009 Maximum Message Payload Exceeded'],
    ['a line over the limit', `SUB ${'a'.repeat(5000)} 1\r\n`, '1008 Maximum Control Line Exceeded'],
    ['an account that was named', 'CONNECT {"account":"A"}\r\n', '1008 Authentication Failure'],
    ['another protocol', 'CONNECT {"protocol":2}\r\n', '1002 Bad Client Protocol Version'],
    ['responders without headers', 'CONNECT {"no_responders":true}\r\n', '1011 No Responders Requires Headers'],
  ])('says -ERR and a goodbye with the reason to %s', async (_, operation, goodbye) => {
    const client = await open()
    client.say(operation)
    await client.expectText(/-ERR '[^']+'\r\n/)
    expect(await client.expectGoodbye()).toBe(goodbye)
  })

  test('compressed messages are understood, whole and in fragments, among others', async () => {
    const client = await open(DEFLATE)
    const whole = compressedFrame(`${CONNECT}SUB a 1\r\nPUB a 5\r\nhello\r\n`)
    client.send(whole, frame(Opcode.binary, 'PUB a 2\r\nhi\r\n'))
    await client.expectText(/^MSG a 1 5\r\nhello\r\nMSG a 1 2\r\nhi\r\n/)
    const message = compressedFrame(`PUB a 1000\r\n${'x'.repeat(1000)}\r\n`, { masked: false }).subarray(2)
    client.send(
      frame(Opcode.binary, message.subarray(0, 5), { rsv: 0x40, fin: false }),
      frame(Opcode.continuation, message.subarray(5, 5), { fin: false }),
      frame(Opcode.ping, ''),
      frame(Opcode.continuation, message.subarray(5)),
    )
    await client.expectText(/^MSG a 1 1000\r\nx{1000}\r\n/)
  })

  test('what is worth it is compressed, where that was agreed upon', async () => {
    const compressing = await open(DEFLATE)
    const plain = await open()
    for (const client of [compressing, plain]) {
      client.say(`${CONNECT}SUB b 1\r\nPING\r\n`)
      await client.expectText(/PONG\r\n/)
      client.frames.length = 0
    }
    plain.say(`PUB b 500\r\n${'y'.repeat(500)}\r\n`)
    for (const client of [compressing, plain]) await client.expectText(/^MSG b 1 500\r\ny{500}\r\n/)
    expect(compressing.frames.map(({ rsv }) => rsv)).toEqual([0x40])
    expect(plain.frames.map(({ rsv }) => rsv)).toEqual([0])
    plain.say('PUB b 2\r\nhi\r\n')
    for (const client of [compressing, plain]) await client.expectText(/^MSG b 1 2\r\nhi\r\n/)
    expect(compressing.frames.map(({ rsv }) => rsv)).toEqual([0x40, 0])
  })

  test.each([
    ['a browser', {}, 4096, [0]],
    ['a browser, compressed', DEFLATE, 4096, [0x40, 0]],
    ['Safari, compressed', { ...DEFLATE, 'User-Agent': 'Mozilla/5.0 Version/17 Safari/605' }, 1 << 20, [0x40]],
  ])('%s gets frames of the size that suits it', async (_, headers, largest, rsvs) => {
    const client = await open({ 'User-Agent': 'Mozilla/5.0', ...headers })
    client.say(`${CONNECT}SUB c 1\r\nPING\r\n`)
    await client.expectText(/PONG\r\n/)
    client.frames.length = 0
    const random = new Random(1)
    const payload = Array.from({ length: 20_000 }, () => String.fromCharCode(97 + random.below(26))).join('')
    client.say(`PUB c 20000\r\n${payload}\r\n`)
    await client.expectText(new RegExp(`^MSG c 1 20000\\r\\n${payload}\\r\\n`))
    expect(Math.max(...client.frames.map((one) => one.payload.length))).toBeLessThanOrEqual(largest)
    expect([...new Set(client.frames.map(({ rsv }) => rsv))]).toEqual(rsvs)
  })

  test('speaks with clients of the other listener', async () => {
    const client = await open()
    client.say(`${CONNECT}SUB over 1\r\nPING\r\n`)
    await client.expectText(/PONG\r\n/)
    const plain = await RawClient.open(server.clientPort)
    plain.send('SUB back 1\r\nPING\r\n')
    await plain.expect('PONG\r\n')
    plain.send('PUB over 2\r\nhi\r\n')
    await client.expectText(/^MSG over 1 2\r\nhi\r\n/)
    client.say('PUB back 2\r\nho\r\n')
    await plain.expect('MSG back 1 2\r\nho\r\n')
    await plain.close()
  })
})

describe('heddle', () => {
  test.each([
    ['a frame without a mask', frame(Opcode.binary, 'a', { masked: false }), '1002 mask bit missing'],
    ['a length of 2^63', frame(Opcode.binary, '', { length: 2n ** 63n }), '1002 invalid 64-bit payload length'],
    ['damaged data', frame(Opcode.binary, Buffer.from('ffffff', 'hex'), { rsv: 0x40 }), '1007 invalid compressed data'],
    ['an unknown operation', frame(Opcode.binary, 'FOO\r\n'), '1002 Protocol Violation'],
    ['no arguments', frame(Opcode.binary, 'PUB a\r\n'), '1002 Protocol Violation'],
  ])('tells the peer what is wrong with %s, every time', async (_, bytes, goodbye) => {
    const server = await startHeddle(1, { compression: true })
    try {
      for (let round = 0; round < 5; round++) {
        const client = await RawWebSocket.open(server.port, DEFLATE)
        client.send(bytes)
        expect(await client.expectGoodbye()).toBe(goodbye)
        client.socket.destroy()
      }
    } finally {
      await server.stop()
    }
  })

  test('says that it goes', async () => {
    const server = await startHeddle(1)
    const client = await RawWebSocket.open(server.port)
    await client.readInfo()
    const opening = await RawWebSocket.dial(server.port)
    await server.stop()
    expect(await client.expectGoodbye()).toBe('1001 Server Shutdown')
    await until('the other to be cut', () => opening.closed)
  })
})
