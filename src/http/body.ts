// The body of a request: read up to a bound, within a time, and not at all where that is known to be too much.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HTTP_BODY_MS, HTTP_LINGER_BYTES, HTTP_LINGER_MS, HTTP_SHORT_BYTES } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'

export type Body = Buffer | 'tooLarge' | 'late' | 'gone'

/** What is beyond `max` bytes is left unread. */
export function readBody(request: IncomingMessage, response: ServerResponse, max: number): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > max) return Promise.resolve('tooLarge')
  if (request.destroyed) return Promise.resolve('gone')
  if (request.headers.expect !== undefined) response.writeContinue()
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let length = 0
    const deadline = new Deadline()
    const settle = (body: Body): void => {
      deadline.stop()
      request.off('data', take)
      request.pause()
      resolve(body)
    }
    const take = (piece: Buffer): void => {
      length += piece.length
      if (length > max) settle('tooLarge')
      else pieces.push(piece)
    }
    deadline.start(HTTP_BODY_MS, () => settle('late'))
    request.on('data', take)
    request.once('end', () => settle(Buffer.concat(pieces)))
    request.once('close', () => settle('gone'))
  })
}

/** Whether all of a request has come, or little is left: then the connection may go on. */
export function isNearlyRead({ complete, headers }: IncomingMessage): boolean {
  if (complete) return true
  const isUnbounded = headers['transfer-encoding'] !== undefined || headers.expect !== undefined
  return !isUnbounded && Number(headers['content-length'] ?? 0) <= HTTP_SHORT_BYTES
}

/**
 * A peer that is answered before it has said everything would lose the answer, if the connection were closed on what it
 * still says. So what comes is read and forgotten for a while, and not without end. Resolves when that is over.
 */
export function forgetRest(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const deadline = new Deadline()
    const settle = (): void => {
      deadline.stop()
      request.pause()
      resolve()
    }
    let left = HTTP_LINGER_BYTES
    deadline.start(HTTP_LINGER_MS, settle)
    request.on('data', (piece: Buffer) => {
      left -= piece.length
      if (left < 0) settle()
    })
    request.once('end', settle)
    request.once('close', settle)
    request.resume()
  })
}
