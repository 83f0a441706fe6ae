// Asks for the last message of subjects (direct get), so many clients at a time, one request of each.

import { Random } from '../../test/support/random.ts'
import { percentile } from '../statistics.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import type { RequestFigures } from './requests.ts'
import { type SubjectRange, Subjects } from './subject-range.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'

export interface GetStreamTask extends Task {
  readonly connect: string
  readonly stream: string
  readonly subjects: SubjectRange
  readonly clients: number
  readonly requests: number
}

const FOUND = 'NATS/1.0\r\n'

export async function getStream(task: GetStreamTask): Promise<RequestFigures> {
  const { clients, connect, control, endpoint, requests, stream } = task
  const isGo = whenTold(control, 'go')
  const times = new Float64Array(requests)
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  let [asked, done] = [0, 0]
  const inboxOf = (number: number): string => `_INBOX.getter${number}`
  const connections = await openAll(clients, control, (number) => {
    const subjects = new Subjects(task.subjects, new Random(number + 1), 0)
    const inbox = inboxOf(number)
    let heard = ''
    let wanted = ''
    let askedMs = 0
    const ask = ({ socket }: BareConnection): void => {
      if (asked === requests) return
      asked++
      wanted = subjects.next()
      askedMs = now()
      socket.writeText(`PUB $JS.API.DIRECT.GET.${stream}.${wanted} ${inbox} 0\r\n\r\n`)
    }
    return BareConnection.open(endpoint.port, `${connect}SUB ${inbox} 1\r\n`, (bytes, connection) => {
      heard += bytes.toString('latin1')
      // A PING may stand before an answer, or behind it.
      if (heard.startsWith(PING) || heard.endsWith(PING)) {
        heard = heard.startsWith(PING) ? heard.slice(PING.length) : heard.slice(0, -PING.length)
        connection.socket.writeText(PONG)
        if (heard === '') return
      }
      if (heard === 'go') heard = ''
      else {
        // HMSG <inbox> 1 <header size> <size>
        const lineEnd = heard.indexOf('\r\n')
        const size = Number(heard.slice(heard.lastIndexOf(' ', lineEnd) + 1, lineEnd))
        if (lineEnd < 0 || heard.length < lineEnd + 2 + size + 2) return
        if (!heard.startsWith(FOUND, lineEnd + 2) || !heard.includes(`Nats-Subject: ${wanted}\r\n`)) {
          throw new Error(`in place of the last message of ${wanted}: ${heard}`)
        }
        heard = ''
        times[done++] = (now() - askedMs) * 1000
        if (done === requests) finish()
      }
      ask(connection)
    })
  })
  const failed = anyFailed(connections)
  try {
    await Promise.race([isGo, failed])
    const firstMs = now()
    for (const connection of connections) connection.reader(Buffer.from('go'), connection)
    await Promise.race([finished, failed])
    const rate = (requests * 1000) / (now() - firstMs)
    times.sort()
    return { p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99), rate }
  } finally {
    for (const { socket } of connections) socket.close()
    control.close()
  }
}
