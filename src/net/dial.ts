// A connection to another server, made on the primary, which hands it to a shard.

import { connect } from 'node:net'
import { guarded, type OnBug } from '../base/guarded.ts'
import { type Handle, takeHandle } from '../base/node-private.ts'

/** Connects within so many milliseconds; resolves with the connection, not read yet, or with why there is none. */
export function dial(host: string, port: number, ms: number, bugMet: OnBug): Promise<Handle | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true })
    const failed = (text: string): void => {
      socket.destroy()
      resolve(text)
    }
    const timer = setTimeout(() => failed('i/o timeout'), ms)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      failed(error.code ?? error.message)
    })
    socket.on(
      'connect',
      guarded(bugMet, () => {
        clearTimeout(timer)
        socket.pause()
        resolve(takeHandle(socket) ?? 'the connection is gone')
      }),
    )
  })
}
