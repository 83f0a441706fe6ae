// Publishes atomic batches to a stream, one after the other: the first message awaits its acknowledgement, the others
// follow at once, the last one commits and awaits that of the batch.

import { Random } from '../../test/support/random.ts'
import { percentile } from '../statistics.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import type { PublishedStream } from './stream-publisher.ts'
import { type SubjectRange, Subjects } from './subject-range.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'

export interface PublishBatchesTask extends Task {
  readonly connect: string
  readonly batches: number
  /** Messages in each. */
  readonly size: number
  readonly bytes: number
  readonly subjects: SubjectRange
}

const SEED = 1
const INBOX = '_INBOX.batches'

/** Publishes all batches; times are those from the first write of a batch to its acknowledgement. */
export async function publishBatches(task: PublishBatchesTask): Promise<PublishedStream> {
  const { batches, bytes: middle, connect, control, endpoint, size } = task
  const isGo = whenTold(control, 'go')
  const random = new Random(SEED)
  const subjects = new Subjects(task.subjects, random, 0)
  const payload = 'abcdefghijklmnopqrstuvwxyz012345'.repeat(Math.ceil(middle / 16))
  const message = (id: number, number: number, reply: string): string => {
    const commit = number === size ? 'Nats-Batch-Commit: 1\r\n' : ''
    const headers = `NATS/1.0\r\nNats-Batch-Id: bench-${id}\r\nNats-Batch-Sequence: ${number}\r\n${commit}\r\n`
    const length = Math.floor(middle / 2) + random.below(middle + 1)
    const sizes = `${headers.length} ${headers.length + length}`
    return `HPUB ${subjects.next()} ${reply}${sizes}\r\n${headers}${payload.slice(0, length)}\r\n`
  }
  let heard = ''
  let answered: (payload: string) => void = () => undefined
  const [connection] = await openAll(1, control, () =>
    BareConnection.open(endpoint.port, `${connect}SUB ${INBOX} 1\r\n`, (bytes, { socket }) => {
      heard += bytes.toString('latin1')
      // It may stand before or behind an answer.
      if (heard.includes(PING)) {
        heard = heard.replace(PING, '')
        socket.writeText(PONG)
      }
      if (heard.includes('-ERR')) throw new Error(heard)
      const found = new RegExp(`^MSG ${INBOX} 1 \\d+\r\n(.*)\r\n$`).exec(heard)
      if (found === null) return
      heard = ''
      answered(found[1])
    }),
  )
  const ask = (text: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>()
    answered = resolve
    connection.socket.write(Buffer.from(text, 'latin1'))
    return promise
  }
  const publishAll = async (): Promise<PublishedStream> => {
    const times = new Float64Array(batches)
    const firstMs = now()
    for (let id = 0; id < batches; id++) {
      const startMs = now()
      const first = await ask(message(id, 1, `${INBOX} `))
      if (first !== '') throw new Error(`a batch was refused: ${first}`)
      const others = Array.from({ length: size - 2 }, (_, i) => message(id, i + 2, ''))
      const committed = await ask(others.join('') + message(id, size, `${INBOX} `))
      if (!committed.includes(`"count":${size}`)) throw new Error(`a batch was not stored: ${committed}`)
      times[id] = (now() - startMs) * 1000
    }
    times.sort()
    return { firstMs, lastMs: now(), p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99) }
  }
  const failed = anyFailed([connection])
  try {
    await Promise.race([isGo, failed])
    return await Promise.race([publishAll(), failed])
  } finally {
    connection.socket.close()
    control.close()
  }
}
