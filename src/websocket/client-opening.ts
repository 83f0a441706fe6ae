// A connection that this server has dialled, until its WebSocket handshake is done.

import type { Socket } from 'node:net'
import { Deadline } from '../base/deadline.ts'
import type { Carriage, Reading } from './carriage.ts'
import { ClientHandshake, type WebSocketTarget } from './client-handshake.ts'
import { CARRY_MAX } from './frame-reader.ts'
import { LINK, MASKED_LINK } from './framer.ts'
import { HeadCollector } from './head.ts'
import type { WebSocketTransport } from './transport.ts'

export interface ClientOpeningHandler {
  /** The handshake is done; what came behind the answer is read after the call. */
  opened(transport: WebSocketTransport): void
  /** There is no WebSocket. The socket is the handler's again. */
  failed(why: string): void
  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void
}

/**
 * Does the handshake on a socket that reads into the carriage's buffer, as `reading` says. `messageMax`: bytes of the
 * largest message that is taken.
 */
export function openAsClient(
  carriage: Carriage,
  socket: Socket,
  reading: Reading,
  target: WebSocketTarget,
  { timeoutMs, messageMax }: { readonly timeoutMs: number; readonly messageMax: number },
  handler: ClientOpeningHandler,
): void {
  const handshake = new ClientHandshake(target)
  const head = new HeadCollector()
  const deadline = new Deadline()
  let isOver = false
  const leave = (): void => {
    isOver = true
    deadline.stop()
    socket.off('end', onEnd)
    socket.off('close', onEnd)
  }
  const fail = (why: string): void => {
    if (isOver) return
    leave()
    handler.failed(why)
  }
  const onEnd = (): void => handler.attempt(() => fail('EOF'))
  const onError = (error: NodeJS.ErrnoException): void => handler.attempt(() => fail(error.code ?? error.message))
  const read = (bytes: number): void => {
    if (isOver) return
    const found = head.take(carriage.buffer.subarray(0, bytes))
    if (found === 'incomplete') return
    const agreed = found === 'tooLarge' ? undefined : handshake.judge(found.text)
    if (found === 'tooLarge' || agreed === undefined) fail('invalid websocket connection')
    else if (typeof agreed === 'string') fail(agreed)
    else {
      leave()
      socket.off('error', onError)
      const { compression, masks } = agreed
      const format = { compression, masked: false, messageMax }
      const transport = carriage.carry(socket, reading, format, masks ? MASKED_LINK : LINK)
      handler.opened(transport)
      const end = CARRY_MAX + bytes
      if (found.rest > 0) transport.socketOnRead(carriage.block, end - found.rest, end)
    }
  }
  reading.reader = (bytes) => handler.attempt(() => read(bytes))
  socket.on('end', onEnd)
  socket.on('close', onEnd)
  socket.on('error', onError)
  deadline.start(timeoutMs, () => handler.attempt(() => fail('i/o timeout')))
  socket.write(handshake.request, 'latin1')
  socket.resume()
}
