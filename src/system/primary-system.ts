// The system account as the primary serves it: the desk where requests are answered, and what is announced.

import type { Json } from '../monitor/answer.ts'
import type { Monitored, PageContext } from '../monitor/page.ts'
import type { PageSources } from '../monitor/page-sources.ts'
import type { Primary } from '../primary.ts'
import { Announcements } from './announcements.ts'
import { SystemDesk } from './desk.ts'
import { type MessageSequence, serverInfo } from './server-info.ts'
import type { SystemAnswer, SystemRequest } from './shard-system.ts'

/** What it needs of the server. */
export type SystemServer = Monitored &
  Pick<Primary, 'tell' | 'rereadOptions' | 'monitorPort' | 'claimsStore' | 'claimsChanged' | 'log'>

export class PrimarySystem {
  readonly server: SystemServer
  readonly sequence: MessageSequence
  readonly announcements: Announcements
  private readonly sources: PageSources
  private readonly desk = new SystemDesk(this)

  /** `account`: the system account's name. */
  constructor(server: SystemServer, account: string, sequence: MessageSequence, sources: PageSources) {
    this.server = server
    this.sequence = sequence
    this.sources = sources
    this.announcements = new Announcements(this, account)
  }

  /** Undefined: there is nothing to be said. Never rejects. */
  answer(request: SystemRequest): Promise<SystemAnswer | undefined> {
    return this.desk.answer(request)
  }

  context(): PageContext {
    return this.sources.context(this.server.monitorPort ?? 0)
  }

  /** `content`, after what is said of the server. */
  signed(content: Readonly<Record<string, Json>>): Record<string, Json> {
    return { server: serverInfo(this.server, this.sequence), ...content }
  }

  /** No timer of it runs any more. */
  close(): void {
    this.announcements.close()
  }
}
