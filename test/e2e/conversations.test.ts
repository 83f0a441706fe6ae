// Bad input and odd input (docs/reference/errors.md): the same table of conversations is played with Heddle and, where
// it is installed, with the real nats-server, and both must answer as the table says.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BAD_INPUT, expected, expectedOfNatsServer, GOOD_INPUT, play, shown } from '../support/conversations.ts'
import { useServer, WORKERS } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer } from '../support/server.ts'

const ALL = [...BAD_INPUT, ...GOOD_INPUT]

describe.each(WORKERS)('heddle with %i workers', (workers) => {
  const running = useServer({ workers })

  test.each(BAD_INPUT)('refuses $name', async (conversation) => {
    const outcome = await play(running.port, conversation, expected(conversation).closed)
    expect(shown(outcome)).toEqual(expected(conversation))
  })

  test.each(GOOD_INPUT)('understands $name', async (conversation) => {
    const outcome = await play(running.port, conversation, expected(conversation).closed)
    expect(shown(outcome)).toEqual(expected(conversation))
  })

  test('understands all of it byte by byte as well', async () => {
    for (const conversation of GOOD_INPUT.filter(({ closes }) => closes === undefined)) {
      if (Buffer.byteLength(conversation.send) > 500) continue
      const outcome = await play(running.port, conversation, false, true)
      expect({ name: conversation.name, ...shown(outcome) }).toEqual({
        name: conversation.name,
        ...expected(conversation),
      })
    }
  })

  test('lives on after all of them', async () => {
    const outcome = await play(running.port, GOOD_INPUT[0], false)
    expect(shown(outcome)).toEqual(expected(GOOD_INPUT[0]))
  })
})

describe.skipIf(missing('natsServer', 'the same conversations with nats-server'))('nats-server', () => {
  let nats: ServerProgram
  beforeAll(async () => {
    nats = await startNatsServer(peers.natsServer as string)
  })
  afterAll(() => nats?.stop())

  test.each(ALL)('answers the same, or as the table says: $name', async (conversation) => {
    const answer = expectedOfNatsServer(conversation)
    expect(shown(await play(nats.port, conversation, answer.closed))).toEqual(answer)
  })

  test('differs in few places, each with a reason', () => {
    const differences = ALL.filter((conversation) => conversation.natsServer !== undefined)
    expect(differences.map(({ name }) => name)).toEqual(['a size with zeros in front', 'a CR inside of a SUB line'])
  })
})
