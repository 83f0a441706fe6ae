// TLS of a client behind the gateway: its own ends at the gateway, with the certificates of the server, and another one
// begins there to the server. So what is said can be read, and the server still has each connection by TLS.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { buildServer } from '../tls/context.ts'
import type { KeyPair } from '../tls/pem.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'

/** The first byte of a TLS record that holds a handshake. */
const HANDSHAKE_RECORD = 0x16

/** What the gateway has to know to stand between a client and the server. */
export interface TlsBetween {
  /** Those of the server. */
  readonly settings: TlsSettings
  /** What clients log in with, where the server asks for certificates. */
  readonly clientPairs: readonly KeyPair[]
}

/** Whether the client begins with TLS, by its first bytes, which can be read again. Undefined: it left without any. */
export function beginsTls(near: Socket): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const leave = (): void => resolve(undefined)
    near.once('end', leave).once('close', leave)
    near.once('data', (chunk: Buffer) => {
      near.off('end', leave).off('close', leave).pause()
      near.unshift(chunk)
      resolve(chunk[0] === HANDSHAKE_RECORD)
    })
  })
}

/**
 * Takes the place of the server in the handshake with the client, and then that of the client in one with the server.
 * Rejects if one of them fails, or with an Error for a client whose certificate is not among `clientPairs`.
 */
export async function standBetween(
  plain: { readonly near: Socket; readonly far: Socket },
  { settings, clientPairs }: TlsBetween,
): Promise<{ readonly near: TLSSocket; readonly far: TLSSocket }> {
  const near = await acceptTls(plain.near, settings)
  const certificate = near.getPeerX509Certificate()
  const pair = certificate && clientPairs.find(({ cert }) => new X509Certificate(cert).raw.equals(certificate.raw))
  if (certificate !== undefined && pair === undefined) throw new Error('nobody gave the key of this certificate')
  const { servername } = near as { readonly servername?: string | false }
  const far = connect({
    socket: plain.far,
    rejectUnauthorized: false,
    ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
    ...(typeof servername === 'string' ? { servername } : {}),
  })
  await once(far, 'secureConnect')
  far.allowHalfOpen = true
  return { near, far }
}

async function acceptTls(near: Socket, settings: TlsSettings): Promise<TLSSocket> {
  const built = buildServer(settings)
  if ('error' in built) throw new Error(built.error)
  const { value: server } = built
  const secured = new Promise<TLSSocket>((resolve, reject) => {
    server.once('secureConnection', resolve).once('tlsClientError', reject)
    near.once('close', () => reject(new Error('the client left')))
  })
  // One that stops in the middle of a handshake will not finish it.
  near.allowHalfOpen = false
  server.emit('connection', near)
  const socket = await secured
  socket.on('error', () => near.destroy())
  socket.allowHalfOpen = true
  return socket
}
