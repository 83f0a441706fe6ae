// Answers that were written and not yet read by their HTTP clients. A client may be slow, or never read, and pages of
// thousands of connections are megabytes; so the unread bytes of all clients together are bounded. If an answer finds
// no room, the connections that have waited longest are closed. One answer may always wait, however long it is.

import type { ServerResponse } from 'node:http'
import { ANSWERS_UNTAKEN_MAX } from '../base/constants.ts'

export class UntakenAnswers {
  /** Their lengths in bytes; the oldest first. */
  private readonly lengths = new Map<ServerResponse, number>()
  private bytes = 0

  /** `length` bytes are about to be written to `response`: makes room for them and notes them until it is closed. */
  add(response: ServerResponse, length: number): void {
    for (const oldest of this.lengths.keys()) {
      if (this.bytes + length <= ANSWERS_UNTAKEN_MAX) break
      this.remove(oldest)
      oldest.socket?.destroy()
    }
    this.lengths.set(response, length)
    this.bytes += length
    response.once('close', () => this.remove(response))
  }

  private remove(response: ServerResponse): void {
    this.bytes -= this.lengths.get(response) ?? 0
    this.lengths.delete(response)
  }
}
