// Connections by their handles alone, over real sockets.

import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { untakenBytes } from '../../src/base/node-private.ts'
import { TcpTransport } from '../../src/net/tcp-transport.ts'
import { acceptHandle } from '../support/accept.ts'
import { until } from '../support/until.ts'

/** A transport, what it has told, and the far end, which notes what comes. */
async function connection({ bytes = 1024 } = {}) {
  const { handle, far } = await acceptHandle()
  const told: string[] = []
  const bugs: unknown[] = []
  far.on('error', (error: NodeJS.ErrnoException) => told.push(`far ${error.code}`))
  const buffer = Buffer.alloc(bytes)
  const come = { text: '', onRead: (_bytes: number): void => undefined }
  const onRead = (read: number): void => {
    come.text += buffer.toString('latin1', 0, read)
    come.onRead(read)
  }
  const transport = new TcpTransport(handle, buffer, onRead, (error) => void bugs.push(error))
  transport.on('end', () => void told.push('end'))
  transport.on('error', ({ code, syscall }) => void told.push(`${syscall} ${code}`))
  transport.on('close', () => void told.push('close'))
  onTestFinished(() => transport.destroy())
  return { transport, far, come, told, bugs }
}

/** Writes until the kernel takes no more; returns how much that was. */
function fill(transport: TcpTransport): number {
  const piece = Buffer.alloc(256 * 1024, 'x')
  let bytes = 0
  while (transport.writableLength === 0) {
    transport.write(piece)
    bytes += piece.length
  }
  return bytes
}

test('it names its peer, is not read until it is told to, and not while it is paused', async () => {
  const { transport, far, come } = await connection({ bytes: 4 })
  expect([transport.remoteAddress, transport.remotePort]).toEqual(['127.0.0.1', far.localPort])
  far.write('more than fits at once')
  await new Promise(setImmediate)
  expect(come.text).toBe('')
  come.onRead = () => {
    if (come.text.length >= 8) transport.pause()
  }
  transport.resume()
  await until('a part of it', () => come.text.length >= 8)
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
  expect(come.text).toBe('more tha')
  come.onRead = () => undefined
  transport.resume()
  await until('the rest', () => come.text === 'more than fits at once')
})

test('what is written arrives in order, by itself or together', async () => {
  const { transport, far } = await connection()
  transport.write(Buffer.from('one '))
  transport.cork()
  for (const word of ['two ', 'three ', '']) transport.write(Buffer.from(word))
  expect(transport.writableLength).toBe(0)
  transport.uncork()
  transport.write(Buffer.from('four'))
  transport.end()
  let text = ''
  for await (const bytes of far) text += bytes
  expect(text).toBe('one two three four')
})

test('what the kernel does not take waits, in order, and its callback comes when it has been taken', async () => {
  const { transport, far } = await connection()
  const bytes = fill(transport)
  expect(transport.writableLength).toBeGreaterThan(0)
  expect(untakenBytes(transport)).toBeGreaterThan(0)
  let isTaken = false
  transport.write(Buffer.from('end'), () => {
    isTaken = true
  })
  await new Promise(setImmediate)
  expect(isTaken).toBe(false)
  let read = 0
  let tail = ''
  far.on('data', (piece: Buffer) => {
    read += piece.length
    tail = (tail + piece.toString('latin1')).slice(-4)
  })
  await until('it to be taken', () => isTaken)
  expect([transport.writableLength, untakenBytes(transport)]).toEqual([0, 0])
  await until('all of it', () => read === bytes + 3)
  expect(tail).toBe('xend')
})

test('a callback for what was taken at once comes soon', async () => {
  const { transport } = await connection()
  const order: string[] = []
  transport.write(Buffer.from('hello'), () => order.push('taken'))
  order.push('written')
  await until('it to be taken', () => order.length === 2)
  expect(order).toEqual(['written', 'taken'])
})

test('it stays open for writing when the peer has finished, and closes when both have', async () => {
  const { transport, far, told } = await connection()
  transport.resume()
  far.end('hello')
  await until('the end', () => told.includes('end'))
  transport.write(Buffer.from('last words'))
  expect(String((await once(far, 'data'))[0])).toBe('last words')
  expect(transport.closed).toBe(false)
  transport.end()
  await until('it to be closed', () => transport.closed)
  expect(told).toEqual(['end', 'close'])
  expect(untakenBytes(transport)).toBe(0)
})

test('one that says so first waits for the peer, or does not', async () => {
  const patient = await connection()
  patient.transport.resume()
  patient.transport.end()
  patient.far.resume()
  await once(patient.far, 'end')
  expect(patient.transport.destroyed).toBe(false)
  patient.far.end()
  await until('it to be closed', () => patient.transport.closed)

  const hasty = await connection()
  hasty.transport.write(Buffer.from('bye'))
  hasty.transport.destroySoon()
  expect(String((await once(hasty.far, 'data'))[0])).toBe('bye')
  await until('it to be closed', () => hasty.transport.closed)
  expect(hasty.told).toEqual(['close'])
})

test('a peer that breaks off is told of once, and closes it', async () => {
  const { transport, far, told } = await connection()
  transport.resume()
  far.resetAndDestroy()
  await until('it to be closed', () => transport.closed)
  expect(told).toEqual(['read ECONNRESET', 'close'])
})

test('a write to a peer that is gone is an error, in a turn of its own', async () => {
  const { transport, far, told } = await connection()
  far.resetAndDestroy()
  await once(far, 'close')
  while (!told.some((one) => one.startsWith('write'))) {
    const before = told.length
    transport.write(Buffer.from('hello'))
    expect(told.length).toBe(before)
    await new Promise(setImmediate)
  }
  await until('it to be closed', () => transport.closed)
  expect(told.filter((one) => one !== 'close')).toHaveLength(1)
})

test('one that is destroyed tells nothing but that it is closed, whatever is on its way', async () => {
  const { transport, far, told, come } = await connection()
  fill(transport)
  let isTaken = false
  transport.write(Buffer.from('end'), () => {
    isTaken = true
  })
  far.write('hello')
  transport.resume()
  transport.destroy()
  transport.destroy()
  transport.write(Buffer.from('nothing'))
  transport.end()
  await until('it to be closed', () => transport.closed)
  expect([told, come.text, isTaken]).toEqual([['close'], '', false])
})

test('a bug in what it calls is told, and costs nobody else', async () => {
  const { transport, far, come, bugs } = await connection()
  come.onRead = () => {
    throw new Error('a bug')
  }
  transport.resume()
  far.write('hello')
  await until('the bug', () => bugs.length === 1)
  come.onRead = () => undefined
  far.write(' again')
  await until('more', () => come.text === 'hello again')
})
