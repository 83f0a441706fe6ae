// Requests to the API of streams, one at a time, over a connection of the bench.

import { connectText } from './connect.ts'
import { BareConnection } from './generators/bare-connection.ts'
import type { Endpoint } from './generators/tasks.ts'

const INBOX = '_INBOX.api'

/** What answers say, as far as loads look at it. */
export interface Answer {
  readonly error?: { readonly description: string }
  readonly state?: { readonly messages: number }
}

/** Asks on a connection of its own. Rejects when the answer is an error. */
export async function askApi({ port }: Endpoint, subject: string, body: object | undefined): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let heard = ''
  const connection = await BareConnection.open(port, `${connectText('')}SUB ${INBOX} 1\r\n`, (bytes) => {
    heard += bytes.toString()
    // MSG <inbox> 1 <size>, or HMSG with no responders
    const lineEnd = heard.indexOf('\r\n')
    const size = Number(heard.slice(heard.lastIndexOf(' ', lineEnd) + 1, lineEnd))
    if (lineEnd >= 0 && heard.length >= lineEnd + 2 + size + 2) resolve(heard.slice(lineEnd + 2).trim())
  })
  try {
    const text = body === undefined ? '' : JSON.stringify(body)
    connection.socket.writeText(`PUB $JS.API.${subject} ${INBOX} ${text.length}\r\n${text}\r\n`)
    const answer = await Promise.race([promise, connection.failed])
    if (!answer.startsWith('{')) throw new Error(`${subject}: ${answer}`)
    const read = JSON.parse(answer) as Answer
    if (read.error !== undefined) throw new Error(`${subject}: ${read.error.description}`)
    return read
  } finally {
    connection.socket.close()
  }
}
