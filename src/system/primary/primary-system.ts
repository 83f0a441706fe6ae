// The system account on the primary: the responder to requests, and the announcements. The code of pages is loaded at
// the first request or subscription: most servers never get there.

import { ACCOUNT_CONNECTIONS_INTERVAL_MS } from '../../base/constants.ts'
import { guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import type { PageContext } from '../../monitor/page.ts'
import type { PageSources } from '../../monitor/sources/page-sources.ts'
import type { SystemAnswer, SystemRequest } from '../contract.ts'
import { type MessageSequence, signed } from '../server-info.ts'
import { NEWS } from '../service-names.ts'
import { Announcements } from './announcements.ts'
import { Elsewhere } from './elsewhere.ts'
import type { AnnouncementsOwner, DeskOwner } from './owner.ts'
import type { SystemResponder } from './responder.ts'
import type { SystemServer } from './server.ts'

export class PrimarySystem implements AnnouncementsOwner, DeskOwner {
  readonly server: SystemServer
  readonly sequence: MessageSequence
  readonly announcements: Announcements
  private readonly elsewhere: Elsewhere
  private readonly sweep: NodeJS.Timeout
  private readonly loadSources: () => Promise<PageSources>
  private desk: Promise<SystemResponder> | undefined

  /** `account`: the system account's name. */
  constructor(
    server: SystemServer,
    account: string,
    sequence: MessageSequence,
    loadSources: () => Promise<PageSources>,
  ) {
    this.server = server
    this.sequence = sequence
    this.loadSources = loadSources
    this.announcements = new Announcements(this, account)
    this.elsewhere = new Elsewhere((name, count) => server.connectionsElsewhere(name, count))
    const bugMet = (error: unknown): void => server.log.bug(error)
    const sweep = guarded(bugMet, () => this.elsewhere.sweep(performance.now()))
    this.sweep = setInterval(sweep, ACCOUNT_CONNECTIONS_INTERVAL_MS)
    this.sweep.unref()
  }

  /** Undefined: there is nothing to be said. Never rejects. */
  async answer(request: SystemRequest): Promise<SystemAnswer | undefined> {
    if (isNews(request.service.name)) {
      this.elsewhere.heard(request, performance.now())
      return undefined
    }
    this.desk ??= import('./responder.ts').then(({ SystemResponder }) => new SystemResponder(this))
    return (await this.desk).answer(request)
  }

  async context(): Promise<PageContext> {
    return (await this.loadSources()).context(this.server.monitorPorts)
  }

  /** `content`, after what is said of the server. */
  signed(content: Readonly<Record<string, Json>>): Record<string, Json> {
    return signed(this.server, this.sequence, content)
  }

  /** No timer of it runs any more. */
  close(): void {
    clearInterval(this.sweep)
    this.announcements.close()
  }
}

const isNews = (name: string): boolean => NEWS.some((one) => one === name)
