// Node's private parts are where the server takes them to be. A version of Node that is not named here is not known to
// keep them there: run this with it, and name it.

import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { constants as osConstants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { constants, createInflateRaw, deflateRawSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import {
  acceptHandles,
  bindUnixSocket,
  type Handle,
  letGo,
  socketWith,
  takeHandle,
  ZlibState,
} from '../../src/base/node-private.ts'

/** Major versions of Node for which this holds. */
const VERSIONS = ['26']

test('this version of Node is known', () => {
  expect(VERSIONS).toContain(process.versions.node.split('.')[0])
})

test('no other file touches what is private', () => {
  const src = join(import.meta.dirname, '..', '..', 'src')
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const touching = names.filter((name) =>
    /\b_handle\b|\b_writeState\b|useUserBuffer|getOwnPropertySymbols|\bprocess\.binding\b|[.{]\s*_[a-z]/.test(
      readFileSync(join(src, name), 'utf8'),
    ),
  )
  expect(touching).toEqual(['base/node-private.ts'])
})

/** Both ends of a connection. */
async function pair(): Promise<[here: Socket, there: Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const there = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [here] = await once(server, 'connection')
  server.close()
  return [here, there]
}

test('a handle is taken out of its socket, and another one is made over it', async () => {
  const [here, there] = await pair()
  const handle = takeHandle(here)
  expect(handle).toBeDefined()
  expect(takeHandle(here)).toBeUndefined()
  const buffer = Buffer.alloc(16)
  const read = new Promise<number>((resolve) => {
    const callback = (bytes: number): boolean => {
      resolve(bytes)
      return true
    }
    socketWith(handle as NonNullable<typeof handle>, { onread: { buffer, callback } }).resume()
  })
  there.end('hello')
  expect(buffer.toString('latin1', 0, await read)).toBe('hello')
})

test('a server gives its connections as handles, and none of them a socket', async () => {
  const server = createServer(() => expect.unreachable()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const taken = Promise.withResolvers<Handle>()
  acceptHandles(server, taken.resolve)
  const there = connect((server.address() as { port: number }).port, '127.0.0.1')
  socketWith(await taken.promise, {}).end('hello')
  let text = ''
  for await (const bytes of there) text += bytes
  expect(text).toBe('hello')
  // It waits for no connections when it is closed: they are not its own.
  server.close()
  await once(server, 'close')
})

test('a Unix socket is served by handles that can move to another thread', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'heddle-')), 's')
  onTestFinished(() => rmSync(dirname(path), { recursive: true }))
  const handle = bindUnixSocket(path)
  expect(handle).toBeTypeOf('object')
  expect(bindUnixSocket(path)).toBe(-osConstants.errno.EADDRINUSE)
  const server = createServer().listen(handle)
  await once(server, 'listening')
  const taken = Promise.withResolvers<Handle>()
  acceptHandles(server, taken.resolve)
  const there = connect(path)
  const accepted = await taken.promise
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const { Socket } = require('node:net')
     parentPort.on('message', (handle) => new Socket({ handle }).end('from another thread'))`,
    { eval: true },
  )
  onTestFinished(async () => void (await worker.terminate()))
  worker.postMessage(accepted, [accepted as unknown as ArrayBuffer])
  let text = ''
  for await (const bytes of there) text += bytes
  expect(text).toBe('from another thread')
  server.close()
  await once(server, 'close')
})

test('a socket that is gone lets go of all that it knew', async () => {
  const [here, there] = await pair()
  const owner = { read: (): boolean => true }
  const callback = (): boolean => owner.read()
  const handle = takeHandle(here) as Handle
  const socket = socketWith(handle, { onread: { buffer: Buffer.alloc(16), callback } })
  socket.on('error', () => owner.read()).on('close', () => owner.read())
  there.destroy()
  socket.destroy()
  await once(socket, 'close')
  const knows = (): boolean =>
    [...Object.getOwnPropertySymbols(socket), '_events'].some((key) => {
      const value: unknown = Reflect.get(socket, key)
      return value === callback || (key === '_events' && Object.keys(value as object).length > 0)
    })
  expect(knows()).toBe(true)
  letGo(socket)
  expect(knows()).toBe(false)
})

test('a handle moves to another thread', async () => {
  const [here, there] = await pair()
  const code = `
    const { parentPort } = require('node:worker_threads')
    const { Socket } = require('node:net')
    parentPort.once('message', (handle) => new Socket({ handle }).end('hello'))`
  const worker = new Worker(code, { eval: true })
  const handle = takeHandle(here)
  worker.postMessage(handle, [handle] as unknown as ArrayBuffer[])
  let text = ''
  for await (const bytes of there) text += bytes
  expect(text).toBe('hello')
  await worker.terminate()
})

test('a zlib state works step by step, and again after damaged input', () => {
  const state = new ZlibState(createInflateRaw())
  const output = Buffer.alloc(4)
  const input = deflateRawSync('hello')
  expect(state.step(constants.Z_SYNC_FLUSH, Buffer.from('ffffffffffff', 'hex'), 0, output)).toBeUndefined()
  state.reset()
  expect(state.step(constants.Z_SYNC_FLUSH, input, 0, output)?.room).toBe(0)
  expect(output.toString()).toBe('hell')
  expect(state.step(constants.Z_SYNC_FLUSH, input, input.length, output)?.room).toBe(3)
  expect(output.toString('latin1', 0, 1)).toBe('o')
})
