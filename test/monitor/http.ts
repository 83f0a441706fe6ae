// Requests to monitoring pages: parsed answers, and raw bytes for what no HTTP client would send.

import { request } from 'node:http'
import { connect } from 'node:net'
import { DEADLINE_MS, within } from '../support/until.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** One request on a connection of its own. */
export function ask(port: number, path: string, method = 'GET', body?: string): Promise<HttpAnswer> {
  return send(port, path, method, {}, body)
}

/** The same, with headers. */
export function askWith(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
  return send(port, path, 'GET', headers, undefined)
}

function send(
  port: number,
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<HttpAnswer> {
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers: { ...headers }, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: Buffer.concat(parts).toString('utf8') })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
  return within(`the answer to ${method} ${path}`, answer)
}

/** A page's JSON, of which the caller knows the form. */
export async function askJson<T>(port: number, path: string): Promise<T> {
  const { status, body } = await ask(port, path)
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
  return JSON.parse(body) as T
}

/** Sends bytes and answers everything that comes until the server closes. */
export function talk(port: number, bytes: string, deadlineMs: number = DEADLINE_MS): Promise<string> {
  const closed = new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('error', () => undefined) // 'close' follows
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
  return within('the server to close', closed, deadlineMs)
}
