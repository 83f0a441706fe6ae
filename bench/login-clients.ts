// A client that says CONNECT when it is greeted, as often as wanted.

import { connect, type Socket } from 'node:net'

const GIVE_UP_MS = 60_000

interface Entering {
  readonly socket: Socket
  readonly isIn: Promise<boolean>
  /** Why it is not let in. */
  why(): string
}

/** Says CONNECT with `members` when it is greeted; answers whether it is let in. */
export function enter(port: number, members: object): Entering {
  const socket = connect(port, '127.0.0.1')
  let reason = ''
  const isIn = new Promise<boolean>((resolve) => {
    const fail = (why: string): void => {
      reason ||= why
      resolve(false)
    }
    let text = ''
    socket.on('data', (bytes) => {
      if (text === '') socket.write(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\nPING\r\n`)
      text = `${text}${bytes.toString('latin1')}`.slice(-64)
      if (text.includes('PONG\r\n')) resolve(true)
      else if (text.includes('-ERR')) fail(text.slice(text.indexOf('-ERR')).trim())
    })
    socket.on('error', ({ message }) => fail(message)).on('close', () => fail('closed'))
    setTimeout(() => fail('no answer'), GIVE_UP_MS).unref()
  })
  return { socket, isIn, why: () => reason }
}
