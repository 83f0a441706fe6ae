// Connections that live for one message: each connects, subscribes, publishes to itself, and closes when it has the
// message and the answer to its PING.

import { BareSocket } from './bare-socket.ts'
import { now, whenTold } from './task.ts'
import type { Ready, Task } from './tasks.ts'
import type { Span } from './traffic.ts'

export interface ShortConnectionsTask extends Task {
  readonly connect: string
  readonly connections: number
  readonly atOnce: number
}

const PAYLOAD = 'hello'

export async function liveShortly({
  endpoint,
  control,
  connect,
  connections,
  atOnce,
}: ShortConnectionsTask): Promise<Span> {
  const isGo = whenTold(control, 'go')
  control.postMessage({ kind: 'ready', elapsedMs: 0 } satisfies Ready)
  await isGo
  let started = 0
  const live = (number: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const subject = `short.${number}`
      const message = `MSG ${subject} 1 ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`
      const hello = `${connect}SUB ${subject} 1\r\nPUB ${subject} ${PAYLOAD.length}\r\n${PAYLOAD}\r\nPING\r\n`
      let text = ''
      const socket = new BareSocket(endpoint.port, {
        onConnect: () => void socket.writeText(hello),
        onRead: (bytes) => {
          text += bytes.toString('latin1')
          if (text.includes('-ERR')) reject(new Error(text))
          if (!text.includes('PONG\r\n') || !text.includes(message)) return
          socket.close()
          resolve()
        },
        onEnd: (reason) => reject(new Error(`a short connection ended: ${reason}`)),
      })
    })
  const lives = async (): Promise<void> => {
    while (started < connections) await live(started++)
  }
  const firstMs = now()
  await Promise.all(Array.from({ length: atOnce }, lives))
  control.close()
  return { firstMs, lastMs: now() }
}
