// The entry of plain connections that need no further inspection.

import type { Socket } from 'node:net'
import type { Client } from '../connection/client.ts'
import { adopt } from '../net/handle.ts'
import type { EntryOwner } from './owner.ts'

/** Begins to serve a connection that is plain, and of which `bytes` have been read. */
export function startPlain(
  shard: Pick<EntryOwner, 'wake' | 'readBuffer' | 'bugMet'>,
  client: Client,
  arrived: Socket,
  bytes: Buffer,
): void {
  client.attempt(() => {
    shard.wake()
    const socket = adopt(arrived, shard.readBuffer, (read) => client.socketOnRead(read), shard.bugMet)
    client.start(socket ?? arrived, undefined)
    if (bytes.length === 0) return
    bytes.copy(shard.readBuffer)
    client.socketOnRead(bytes.length)
  })
}
