// A connection to another server through an HTTP proxy (CONNECT), made on the primary, which hands it to a shard.

import { connect } from 'node:net'
import { hostPort } from '../base/addresses.ts'
import { quote } from '../base/errors.ts'
import { guarded, type OnBug } from '../base/guarded.ts'
import { type Handle, takeHandle } from '../base/node-private.ts'

/** Longest head of an answer. */
const HEAD_BYTES_MAX = 16 * 1024
const HEAD_END = '\r\n\r\n'
/** The first line of an answer: nothing of it could be taken for another line of the log. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}(?: [ -~]*)?)$/

export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** Empty: it does not ask who comes. */
  readonly username: string
  readonly password: string
  /** For the connection and the proxy's answer together, in milliseconds. */
  readonly timeout: number
}

export interface Tunnel {
  /** Not read from here on. */
  readonly handle: Handle
  /** What came behind the proxy's answer: the other server's first bytes. */
  readonly early: Buffer
}

/** Connects to `host`; resolves with the connection, or with why there is none. */
export function dialThrough(proxy: HttpProxy, host: string, port: number, bugMet: OnBug): Promise<Tunnel | string> {
  return new Promise((resolve) => {
    const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true })
    let phase = 'failed to connect to proxy'
    let read = Buffer.alloc(0)
    const settle = (tunnel: Tunnel | string): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      if (typeof tunnel === 'string') socket.destroy()
      resolve(tunnel)
    }
    const timer = setTimeout(() => settle(`${phase}: i/o timeout`), proxy.timeout)
    socket.on('error', (error: NodeJS.ErrnoException) => settle(`${phase}: ${error.code ?? error.message}`))
    socket.on('end', () => settle(`${phase}: unexpected EOF`))
    socket.on('close', () => settle(`${phase}: unexpected EOF`))
    socket.on('connect', () => {
      phase = 'failed to read proxy response'
      socket.write(requestFor(proxy, hostPort(host, port)), 'latin1')
    })
    const take = (bytes: Buffer): void => {
      read = Buffer.concat([read, bytes])
      const end = read.indexOf(HEAD_END)
      if (end < 0) {
        if (read.length > HEAD_BYTES_MAX) settle(`${phase}: the answer is too long`)
        return
      }
      const refused = refusalIn(read.toString('latin1', 0, end))
      const handle = refused === undefined ? takeHandle(socket) : undefined
      if (refused !== undefined) settle(refused)
      else if (handle === undefined) settle(`${phase}: the connection is gone`)
      else settle({ handle, early: read.subarray(end + HEAD_END.length) })
    }
    socket.on('data', guarded(bugMet, take))
  })
}

function requestFor({ username, password }: HttpProxy, target: string): string {
  const credentials = Buffer.from(`${username}:${password}`).toString('base64')
  const lines = [
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    ...(username === '' ? [] : [`Proxy-Authorization: Basic ${credentials}`]),
  ]
  return `${lines.join('\r\n')}${HEAD_END}`
}

/** Why an answer is no consent; undefined: it is. */
function refusalIn(head: string): string | undefined {
  const [line] = head.split('\r\n', 1)
  const status = STATUS_LINE.exec(line)?.[1]
  if (status === undefined) return `failed to read proxy response: malformed HTTP response ${quote(line)}`
  return status.startsWith('200') ? undefined : `proxy CONNECT failed: ${status}`
}
