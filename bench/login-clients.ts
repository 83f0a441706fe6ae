// A client that says CONNECT when it is greeted, as often as wanted.

import { connect, type Socket } from 'node:net'

const GIVE_UP_MS = 60_000

/** Says CONNECT with `members` when it is greeted; answers whether it is let in. */
export function enter(port: number, members: object): { readonly socket: Socket; readonly isIn: Promise<boolean> } {
  const socket = connect(port, '127.0.0.1')
  const isIn = new Promise<boolean>((resolve) => {
    let text = ''
    socket.on('data', (bytes) => {
      if (text === '') socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\nPING\r\n`)
      text = `${text}${bytes.toString('latin1')}`.slice(-64)
      if (text.includes('PONG\r\n')) resolve(true)
      else if (text.includes('-ERR')) resolve(false)
    })
    socket.on('error', () => resolve(false)).on('close', () => resolve(false))
    setTimeout(() => resolve(false), GIVE_UP_MS).unref()
  })
  return { socket, isIn }
}
