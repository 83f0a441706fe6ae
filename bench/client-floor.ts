// What no client in Node can do with less: sockets that write bytes which are there already and take whatever comes for
// the one message that is expected, without a parser. It fits the load of one request in flight, and no other.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Connection } from './client-loads.ts'

const READ_BYTES = 64 * 1024
const REPLY = 'bare.reply'
const NO_BYTES = new Uint8Array(0)

function publication(subject: string, reply: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`PUB ${subject} ${reply}${payload.length}\r\n`), payload, Buffer.from('\r\n')])
}

/** Resolves when the server has greeted, and answered a PING. */
export async function connectBare(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url)
  let took = (): void => undefined
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      took = resolve
    })
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (): boolean => {
      took()
      return true
    },
  }
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread })
  await next()
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n')
  await next()
  let ready: Buffer | undefined
  return {
    publish: () => assert.fail('it has no publish()'),
    subscribe(subject, options) {
      socket.write(`SUB ${subject} 1\r\n`)
      const answer = publication(REPLY, '', NO_BYTES)
      const message = { data: NO_BYTES, respond: (): boolean => socket.write(answer) }
      took = () => options?.callback?.(null, message)
      return { [Symbol.asyncIterator]: () => assert.fail('it has no iteration') }
    },
    request(subject, payload = NO_BYTES) {
      if (ready === undefined) socket.write(`SUB ${REPLY} 1\r\n`)
      ready ??= publication(subject, `${REPLY} `, payload)
      socket.write(ready)
      return new Promise((resolve) => {
        took = () => resolve({ data: NO_BYTES, respond: () => false })
      })
    },
    async flush() {
      const before = took
      const pong = next()
      socket.write('PING\r\n')
      await pong
      took = before
    },
    close: async () => void socket.destroy(),
  }
}
