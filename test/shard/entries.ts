// Connections that have come to a shard and have not been read: real sockets and clients, on a shard without a loop.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { Client } from '../../src/connection/client.ts'
import { Log } from '../../src/log/log.ts'
import { TestShard } from '../connection/stage.ts'
import { until } from '../support/until.ts'

class WarnedLog extends Log {
  readonly warnings: string[] = []
  readonly complaints: string[] = []
  readonly details: string[] = []

  override warn(text: string): void {
    this.warnings.push(text)
  }
  override complaint(text: string): boolean {
    this.complaints.push(text)
    return true
  }
  override debug(text: string): void {
    this.details.push(text)
  }
}

/** A shard to which connections come, and what follows where there is TLS. */
export class EntryShard extends TestShard {
  readonly secured: { client: Client; socket: Socket; greeted: boolean }[] = []
  override readonly log = new WarnedLog(this.options, { name: 'test', opened: new SharedArrayBuffer(4) })
  readonly readBuffer = this.readBlock.bytes.subarray(this.readStart)
  readonly questions = { checkPeer: () => Promise.resolve(undefined) } as never
  override readonly tls = {
    certificateOf: () => undefined,
    detailsOf: () => undefined,
    hello: () => undefined,
    isOn: false,
    greetingMs: 0 as number | undefined,
    secure: (client: Client, socket: Socket, greeted: boolean): void => {
      this.secured.push({ client, socket, greeted })
    },
  }
}

/** A connection that has come and was not read, and all that its peer reads. */
export async function arrival(shard: EntryShard) {
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const peer = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [[socket]] = await Promise.all([accepted, once(peer, 'connect')])
  listener.close()
  const client = new Client(shard, 1, socket)
  onTestFinished(() => {
    client.destroy()
    peer.destroy()
  })
  const come = { text: '', closed: false }
  peer.on('error', () => undefined)
  peer.on('close', () => {
    come.closed = true
  })
  peer.on('data', (bytes) => {
    come.text += bytes
  })
  return {
    client,
    socket,
    peer,
    come,
    until: (what: string, isSo: () => boolean) =>
      until(what, () => {
        shard.flush()
        return isSo()
      }),
  }
}

export const HELLO = 'CONNECT {"verbose":false}\r\nPING\r\n'
