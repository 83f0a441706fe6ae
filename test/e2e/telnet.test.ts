// The conversations that people have with a NATS server over telnet.

import { describe, test } from 'vitest'
import { dial, open, useServer, WORKERS } from '../support/harness.ts'

describe.each(WORKERS)('over telnet, with %i workers', (workers) => {
  const running = useServer({ workers })

  // Seed 003, steps 2, 3 and 5. Its `UNSUB 1-` is a slip of the pen for `UNSUB 10`.
  test('the coding challenge plays as written: INFO, CONNECT, PING, SUB, PUB, UNSUB', async () => {
    const telnet = await dial(running.port)
    await telnet.expectMatch(/^INFO \{[^\r]*"host":"127\.0\.0\.1"[^\r]*"client_ip":"127\.0\.0\.1"[^\r]*\} \r\n/)
    telnet.send('CONNECT {}\r\n')
    await telnet.expect('+OK\r\n')
    telnet.send('PING\r\n')
    await telnet.expect('PONG\r\n')
    telnet.send('SUB CC 10\r\n')
    await telnet.expect('+OK\r\n')
    telnet.send('PUB CC 4\r\n')
    telnet.send('JOHN\r\n')
    await telnet.expect('+OK\r\nMSG CC 10 4\r\nJOHN\r\n')
    telnet.send('PUB CC 5\r\nHello\r\n')
    await telnet.expect('+OK\r\nMSG CC 10 5\r\nHello\r\n')
    telnet.send('UNSUB 10\r\n')
    await telnet.expect('+OK\r\n')
    telnet.send('PUB CC 3\r\nbye\r\n')
    await telnet.expect('+OK\r\n')
    await telnet.sync()
  })

  // With the sid `1-` as the seed has it, nats-server itself goes on delivering to sid 10.
  test('the slip in the coding challenge, UNSUB 1-, ends nothing', async () => {
    const telnet = await dial(running.port)
    await telnet.readInfo()
    telnet.send('CONNECT {}\r\nSUB CC 10\r\nUNSUB 1-\r\nPUB CC 3\r\nbye\r\n')
    await telnet.expect('+OK\r\n+OK\r\n+OK\r\n+OK\r\nMSG CC 10 3\r\nbye\r\n')
  })

  // Seed 003, step 1: what its parser has to understand.
  test('the examples of the coding challenge for a parser are understood one by one', async () => {
    const telnet = await dial(running.port)
    await telnet.readInfo()
    for (const [line, reply] of [
      ['PING\r\n', 'PONG\r\n'],
      ['PONG\r\n', ''],
      ['SUB FOO 1\r\n', '+OK\r\n'],
      ['PUB CodingChallenge 11\r\nHello John!\r\n', '+OK\r\n'],
    ]) {
      telnet.send(line)
      await telnet.expect(reply)
    }
    await telnet.sync()
  })

  // Seed 001: subscriptions on foo and hello, verbose by default.
  test('the minimal client gets +OK for each operation until it says otherwise', async () => {
    const telnet = await dial(running.port)
    await telnet.readInfo()
    telnet.send('SUB foo 1\r\nSUB hello 100\r\n')
    await telnet.expect('+OK\r\n+OK\r\n')
    telnet.send('PUB foo 3\r\nbar\r\n')
    await telnet.expect('+OK\r\nMSG foo 1 3\r\nbar\r\n')
    telnet.send('PUB hello 5\r\nworld\r\n')
    await telnet.expect('+OK\r\nMSG hello 100 5\r\nworld\r\n')
    await telnet.sync()
  })

  test('the minimal client without verbose mode gets only its messages', async () => {
    const telnet = await dial(running.port)
    await telnet.readInfo()
    telnet.send('CONNECT {"verbose":false}\r\n')
    telnet.send('SUB foo 1\r\nSUB hello 100\r\n')
    telnet.send('PUB foo 3\r\nbar\r\n')
    telnet.send('PUB hello 5\r\nworld\r\n')
    await telnet.expect('MSG foo 1 3\r\nbar\r\nMSG hello 100 5\r\nworld\r\n')
    await telnet.sync()
  })

  test('the client of the first page publishes at once and leaves, and is heard', async () => {
    const listener = await open(running.port)
    listener.send('SUB hello 1\r\n')
    await listener.sync()
    const publisher = await dial(running.port)
    publisher.send('PUB hello 5\r\nworld\r\n')
    publisher.socket.end()
    await listener.expect('MSG hello 1 5\r\nworld\r\n')
  })

  test('a message with a reply inbox names it', async () => {
    const telnet = await open(running.port)
    telnet.send('SUB foo 1\r\nPUB foo bar 4\r\nquux\r\n')
    await telnet.expect('MSG foo 1 bar 4\r\nquux\r\n')
  })

  test('a conversation typed letter by letter is the same', async () => {
    const telnet = await dial(running.port)
    await telnet.readInfo()
    for (const letter of 'CONNECT {}\r\nSUB CC 10\r\nPUB CC 4\r\nJOHN\r\nPING\r\n') telnet.send(letter)
    await telnet.expect('+OK\r\n+OK\r\n+OK\r\nMSG CC 10 4\r\nJOHN\r\nPONG\r\n')
  })
})
