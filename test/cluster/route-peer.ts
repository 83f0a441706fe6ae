// A peer at the port for routes that a test writes out by hand.

import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { until } from '../support/until.ts'

/** What INFO says of the peer that joins. */
export const PEER = { server_id: 'NPEER', server_name: 'PEER', route_pool_size: 0 }

export class RoutePeer {
  text = ''
  closed = false
  readonly socket: Socket

  /** One with one connection, for all accounts, for the test that calls this. */
  static async join(port: number, members: object = {}, connect = CONNECT): Promise<RoutePeer> {
    const peer = new RoutePeer(port)
    onTestFinished(() => void peer.socket.destroy())
    await peer.info()
    peer.send(connect + info({ ...PEER, ...members }))
    return peer
  }

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1')
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.closed = true
    })
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  async info(): Promise<Record<string, unknown>> {
    await until('INFO', () => this.text.includes('\r\n'))
    return JSON.parse(this.text.slice('INFO '.length, this.text.indexOf('\r\n')))
  }

  /** The text of its -ERR when it is closed; empty: there was none. */
  async refusal(): Promise<string> {
    await until('the end of a connection', () => this.closed)
    return /-ERR '([^\r]*)'\r\n/.exec(this.text)?.[1] ?? ''
  }
}

/** CONNECT of a server of the cluster C, and its INFO. */
export const CONNECT = 'CONNECT {"name":"NPEER","cluster":"C","headers":true,"lnoc":true,"ln":true}\r\n'
export const info = (members: object): string =>
  `INFO ${JSON.stringify({
    server_id: `N${Math.random().toString(36).slice(2)}`,
    server_name: `P${Math.random().toString(36).slice(2)}`,
    version: '2.15.3',
    proto: 2,
    host: '127.0.0.1',
    port: 1,
    headers: true,
    max_payload: 1048576,
    cluster: 'C',
    compression: 'off',
    route_pool_size: 3,
    ...members,
  })}\r\n`
