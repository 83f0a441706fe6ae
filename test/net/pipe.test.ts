// A connection without a socket, in the same thread and between two ports, seen from both sides.

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Pipe } from '../../src/net/pipe.ts'
import { LocalPipeEnd, type PipeEnd, type PipeEvents } from '../../src/net/pipe-end.ts'
import { createCounters, openPipe, PortEnd } from '../../src/net/port-pipe.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { until } from '../support/until.ts'

interface Ends {
  readonly client: PipeEnd
  readonly pipe: Pipe
  /** What has happened, in order, on each side. */
  readonly server: { text: string; events: string[] }
  readonly heard: { text: string; events: string[] }
}

type Open = (events: PipeEvents, readBuffer: Buffer, onRead: (bytes: number) => void) => readonly [PipeEnd, Pipe]

const KINDS: Readonly<Record<string, Open>> = {
  'in the same thread': (events, readBuffer, onRead) => {
    const end = new LocalPipeEnd(events)
    return [end, end.connect(readBuffer, onRead)]
  },
  'between ports': (events, readBuffer, onRead) => {
    const { port1, port2 } = new MessageChannel()
    const counters = createCounters()
    const pipe = openPipe(port2 as never, counters, readBuffer, onRead)
    return [new PortEnd(port1 as never, counters, events), pipe]
  },
}

function open(kind: string): Ends {
  const readBuffer = Buffer.alloc(1_000)
  const server = { text: '', events: [] as string[] }
  const heard = { text: '', events: [] as string[] }
  const events: PipeEvents = {
    received: (bytes) => {
      heard.text += Buffer.from(bytes).toString()
    },
    ended: (error) => heard.events.push(error?.message ?? 'closed'),
  }
  const [client, pipe] = KINDS[kind](events, readBuffer, (bytes) => {
    server.text += readBuffer.toString('latin1', 0, bytes)
  })
  pipe.on('end', () => server.events.push('end'))
  pipe.on('close', () => server.events.push('close'))
  onTestFinished(() => client.destroy())
  return { client, pipe, server, heard }
}

const nothing = (): void => undefined

describe.each(Object.keys(KINDS))('%s', (kind) => {
  test('bytes come whole and in order, both ways, however they were cut', async () => {
    const random = new Random(chooseSeed(`pipe ${kind}`))
    const { client, pipe, server, heard } = open(kind)
    let [sent, answered] = ['', '']
    pipe.resume()
    for (let i = 0; i < 300; i++) {
      const text = `${i},`.repeat(random.pick([1, 10, 2_000]))
      sent += text
      client.write(Buffer.from(text), nothing)
      const answer = Buffer.from(`${i};`.repeat(random.pick([1, 500])))
      answered += answer.toString()
      if (random.chance(0.5)) pipe.write(answer)
      else {
        pipe.cork()
        pipe.write(answer.subarray(0, 1))
        pipe.write(answer.subarray(1))
        pipe.uncork()
      }
      // It is the server's again.
      answer.fill(0)
      if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve))
      if (random.chance(0.2)) pipe.pause()
      if (random.chance(0.4)) pipe.resume()
    }
    pipe.resume()
    await until('all bytes', () => server.text.length === sent.length && heard.text.length === answered.length)
    expect(server.text === sent).toBe(true)
    expect(heard.text === answered).toBe(true)
    expect(client.bufferedAmount).toBe(0)
  })

  test('nothing happens during the call that brought it', async () => {
    const { client, pipe, server, heard } = open(kind)
    pipe.resume()
    client.write(Buffer.from('a'), nothing)
    pipe.write(Buffer.from('b'))
    expect([server.text, heard.text]).toEqual(['', ''])
    await until('both', () => server.text === 'a' && heard.text === 'b')
  })

  test('a paused end is not read, and what waits counts as buffered', async () => {
    const { client, pipe, server } = open(kind)
    let taken = 0
    client.write(Buffer.from('hello'), () => taken++)
    client.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect([server.text, client.bufferedAmount]).toEqual(['', 5])
    pipe.resume()
    await until('the end', () => server.events.includes('end'))
    expect([server.text, client.bufferedAmount, taken]).toEqual(['hello', 0, 1])
  })

  test('the server’s end closes the client’s, behind what was written', async () => {
    const { pipe, server, heard } = open(kind)
    pipe.write(Buffer.from('last'))
    pipe.end()
    await until('the end', () => heard.events.length > 0 && server.events.includes('close'))
    expect(heard).toEqual({ text: 'last', events: ['the server closed the connection'] })
    expect([pipe.destroyed, pipe.closed]).toEqual([true, true])
  })

  test('a client that is gone is gone at once', async () => {
    const { client, pipe, server, heard } = open(kind)
    client.write(Buffer.from('unread'), nothing)
    client.destroy()
    await until('both', () => server.events.includes('close') && heard.events.length > 0)
    expect(heard.events).toEqual(['closed'])
    expect(server.text).toBe('')
    pipe.write(Buffer.from('to nobody'))
    pipe.destroy()
    expect(server.events).toEqual(['close'])
  })

  test('a callback of the server’s comes when the client has taken everything', async () => {
    const { pipe, heard } = open(kind)
    const large = Buffer.alloc(3 * 1024 * 1024, 'x')
    pipe.write(large)
    await new Promise<void>((resolve) => {
      pipe.write(Buffer.alloc(0), resolve)
    })
    await until('all', () => heard.text.length === large.length)
    expect(pipe.writableLength).toBe(0)
  })
})
