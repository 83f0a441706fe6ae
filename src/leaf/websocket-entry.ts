// How a leaf link begins that this server dials over WebSocket: TLS, the WebSocket handshake, and then INFO in frames.

import type { Socket } from 'node:net'
import { LINK_PAYLOAD_MAX } from '../base/constants.ts'
import { CloseReason } from '../base/errors.ts'
import { type EntryLink, type EntryOwner, secureDialled } from '../remote/entry.ts'
import { readInto } from '../tls/read-into.ts'
import type { Carriage, Reading } from '../websocket/carriage.ts'
import { openAsClient } from '../websocket/client-opening.ts'
import type { WebSocketClient } from '../websocket/transport.ts'
import type { DialledLeaf } from './contract.ts'

interface EnteringLink extends EntryLink, WebSocketClient {
  attempt(act: () => unknown): void
}

/** A plain `arrived` reads into the carriage’s buffer, as `reading` says. */
export function enterWebSocket(
  owner: EntryOwner,
  link: EnteringLink,
  arrived: Socket,
  { tls, remote, webSocket: target }: DialledLeaf,
  carriage: Carriage,
  reading: Reading,
): void {
  if (target === undefined) return
  const open = (socket: Socket): void => {
    const limits = { timeoutMs: remote.firstInfoTimeout, messageMax: LINK_PAYLOAD_MAX }
    openAsClient(carriage, socket, reading, target, limits, {
      opened: (transport) => {
        owner.wake()
        transport.serve(link)
        link.start(transport)
        link.greet()
        // It was told to close meanwhile.
        if (link.closing) transport.destroy()
        owner.schedule()
      },
      failed: (why) => {
        owner.wake()
        owner.log.complaint(`Error soliciting websocket connection: ${why}`, link, link)
        link.start(arrived)
        link.close({ text: undefined, reason: CloseReason.readError })
        arrived.destroy()
        owner.schedule()
      },
      attempt: (act) => link.attempt(act),
    })
  }
  if (!tls.required) {
    open(arrived)
    return
  }
  secureDialled(owner, link, arrived, tls, (socket) => {
    readInto(socket, carriage.buffer, reading.onRead)
    open(socket)
  })
}
