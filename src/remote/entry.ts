// How a link to another server begins with TLS: that comes between INFO and CONNECT (leaf nodes), or before all else
// (routes, and leaf nodes that are configured so; docs/reference/server-links.md, "TLS").
//
//     accepted   [INFO goes out in plain] ──▶ TLS (tls/upgrade.ts) ──▶ the link reads
//     dialled    [the first line is read] ──▶ TLS, or plain as it is ──▶ the link gets that line, and reads
//
// A link without TLS that came about says nothing: what it has to say may be a password.
// What comes behind INFO before TLS has begun is no server's doing: it costs the connection.

import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { LINK_CONTROL_LINE_MAX } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { CloseReason, type Fault } from '../base/errors.ts'
import type { OnBug } from '../base/guarded.ts'
import type { Log, LogSource } from '../log/log.ts'
import { adopt } from '../net/handle.ts'
import type { Transport } from '../net/transport.ts'
import { type DiallerSettings, whyNotFor } from '../tls/dialler.ts'
import { describeTlsError, TIMED_OUT } from '../tls/errors.ts'
import { publicKeyPin } from '../tls/names.ts'
import { readInto } from '../tls/read-into.ts'
import type { TlsSession, TlsUpgrader } from '../tls/upgrade.ts'

const LF = 10

/** TLS of a connection that this server has dialled, as plain data that crosses threads. It holds a private key. */
export interface DialledTls {
  readonly settings: DiallerSettings
  /** Names and addresses: the other server’s certificate is to be for one of them, and is asked for by the first. */
  readonly hosts: readonly [string, ...string[]]
  /** Its certificate is to be one with such a public key (tls/names.ts); empty: any. */
  readonly pinnedCerts: readonly string[]
  /** It comes whatever INFO says. */
  readonly required: boolean
  /** It comes before INFO. */
  readonly first: boolean
  readonly timeoutMs: number
}

export interface EntryOwner {
  readonly readBuffer: Buffer
  readonly bugMet: OnBug
  readonly log: Pick<Log, 'complaint'>
  wake(): void
  schedule(): void
}

/** A link that has no transport to read from yet. */
export interface EntryLink extends LogSource {
  readonly ip: string
  readonly closing: boolean
  /** What the log calls its TLS. */
  readonly tlsNoun: 'leafnode' | 'route'
  readonly outbound: { flush(): void }
  tls: TlsSession | undefined
  attempt(act: () => unknown): void
  /** What comes first is due: INFO of the side that accepts, and the time that the other one has to answer. */
  greet(): void
  start(socket: Transport): void
  socketOnRead(bytes: number): void
  close(fault: Fault): void
  destroy(): void
}

/** TLS over a connection that has been accepted. */
export function enterAccepted(owner: EntryOwner, link: EntryLink, arrived: Socket, upgrader: TlsUpgrader): void {
  upgrader.begin(arrived, {
    greet: () => {
      link.greet()
      link.outbound.flush()
    },
    secured: (socket, session) =>
      link.attempt(() => {
        owner.wake()
        startSecured(owner, link, socket, session)
        if (session.first) link.greet()
        owner.schedule()
      }),
    plain: () => link.attempt(() => giveUp(owner, link, arrived, 'it stays plain')),
    failed: ({ cause }) => link.attempt(() => giveUp(owner, link, arrived, cause)),
  })
}

/** TLS over a connection that this server has dialled. `firstLine` is for those where it does not come before INFO. */
export function enterDialled(
  owner: EntryOwner,
  link: EntryLink,
  arrived: Socket,
  tls: DialledTls,
  firstLine?: {
    readonly withinMs: number
    /** Whether the other server demands TLS. */
    readonly needsTls: (line: string) => boolean
  },
): void {
  const deadline = new Deadline()
  let read = Buffer.alloc(0)
  let isOver = false
  const guarded = (act: () => void) => (): void => link.attempt(act)
  const fail = (text: string): void => {
    if (isOver) return
    leave()
    giveUp(owner, link, arrived, text)
    arrived.destroy()
  }
  const onReadable = guarded(() => readLine())
  const onEnd = guarded(() => fail('EOF'))
  const onError = (error: Error): void => link.attempt(() => fail(describeTlsError(error)))
  const leave = (): void => {
    isOver = true
    deadline.stop()
    arrived.off('readable', onReadable)
    arrived.off('end', onEnd)
    arrived.off('close', onEnd)
  }
  const readLine = (): void => {
    const bytes: Buffer | null = arrived.read()
    if (bytes === null) return
    read = Buffer.concat([read, bytes])
    const end = read.indexOf(LF) + 1
    if (end === 0) {
      if (read.length > LINK_CONTROL_LINE_MAX) fail('the first line is too long')
      return
    }
    if (!tls.required && firstLine?.needsTls(read.toString('latin1', 0, end)) === false) {
      leave()
      arrived.off('error', onError)
      const socket = adopt(arrived, owner.readBuffer, (count) => link.socketOnRead(count), owner.bugMet)
      owner.wake()
      link.start(socket ?? arrived)
      link.greet()
      feed(owner, link, read)
    } else if (end < read.length) fail('something has come behind INFO, before TLS')
    else secure()
  }
  const secure = (): void => {
    leave()
    arrived.off('error', onError)
    secureDialled(owner, link, arrived, tls, (socket) => {
      startSecured(owner, link, socket, sessionOf(socket))
      link.greet()
      feed(owner, link, read)
    })
  }
  arrived.on('end', onEnd)
  arrived.on('close', onEnd)
  arrived.on('error', onError)
  if (tls.first) secure()
  else {
    arrived.on('readable', onReadable)
    deadline.start(firstLine?.withinMs ?? 0, () => link.attempt(() => fail('no INFO in time')))
  }
}

/** TLS over a connection that this server has dialled: `then` is called with it. Without it the link ends. */
export function secureDialled(
  owner: EntryOwner,
  link: EntryLink,
  arrived: Socket,
  tls: DialledTls,
  then: (socket: TLSSocket) => void,
): void {
  const deadline = new Deadline()
  let isOver = false
  const leave = (): void => {
    isOver = true
    deadline.stop()
    arrived.off('end', onEnd)
    arrived.off('close', onEnd)
  }
  const fail = (text: string): void => {
    if (isOver) return
    leave()
    giveUp(owner, link, arrived, text)
    arrived.destroy()
  }
  const onEnd = (): void => link.attempt(() => fail('EOF'))
  const onError = (error: Error): void => link.attempt(() => fail(describeTlsError(error)))
  arrived.on('end', onEnd)
  arrived.on('close', onEnd)
  arrived.on('error', onError)
  deadline.start(tls.timeoutMs, () => link.attempt(() => fail(TIMED_OUT)))
  const socket = connectTls(arrived, tls)
  socket.on('error', onError)
  socket.on('secureConnect', () =>
    link.attempt(() => {
      if (isOver) return
      if (!isPinned(socket, tls)) {
        fail('certificate not pinned')
        return
      }
      leave()
      socket.off('error', onError)
      owner.wake()
      then(socket)
      owner.schedule()
    }),
  )
}

function connectTls(arrived: Socket, { settings, hosts }: DialledTls): TLSSocket {
  const [host] = hosts
  const tls = process.getBuiltinModule('node:tls')
  return tls.connect({
    ...settings,
    ca: settings.ca ?? tls.getCACertificates('system'),
    socket: arrived,
    host,
    checkServerIdentity: (_, { raw }) => whyNotFor(raw, hosts),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  })
}

function sessionOf(socket: TLSSocket): TlsSession {
  return {
    version: (socket.getProtocol() ?? '').replace('TLSv', ''),
    cipher: socket.getCipher().standardName,
    first: true,
    peerCertificate: socket.getPeerX509Certificate()?.raw,
    peerChain: () => [],
  }
}

function isPinned(socket: TLSSocket, { pinnedCerts }: DialledTls): boolean {
  if (pinnedCerts.length === 0) return true
  const certificate = socket.getPeerX509Certificate()
  return certificate !== undefined && pinnedCerts.includes(publicKeyPin(certificate.raw) ?? '')
}

function startSecured(owner: EntryOwner, link: EntryLink, socket: TLSSocket, session: TlsSession): void {
  link.tls = session
  readInto(socket, owner.readBuffer, (bytes) => link.socketOnRead(bytes))
  link.start(socket)
  // It was told to close meanwhile.
  if (link.closing) socket.destroy()
}

/** Gives the link what has been read of its connection already. */
function feed({ readBuffer }: EntryOwner, link: EntryLink, read: Buffer): void {
  for (let at = 0; at < read.length && !link.closing; at += readBuffer.length) {
    link.socketOnRead(read.copy(readBuffer, 0, at))
  }
}

function giveUp(owner: EntryOwner, link: EntryLink, arrived: Socket, why: string | undefined): void {
  owner.wake()
  if (why !== undefined) owner.log.complaint(`TLS ${link.tlsNoun} handshake error: ${why}`, link, link.ip)
  link.start(arrived)
  link.close({ text: undefined, reason: CloseReason.tlsHandshake })
  owner.schedule()
}
