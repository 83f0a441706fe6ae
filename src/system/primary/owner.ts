// The system account on the primary, as its parts see it.

import type { Json } from '../../base/json.ts'
import type { PageContext } from '../../monitor/page.ts'
import type { MessageSequence } from '../server-info.ts'
import type { SystemServer } from './server.ts'

export interface AnnouncementsOwner {
  readonly server: SystemServer
  /** Numbers the messages about the server. */
  readonly sequence: MessageSequence
  /** What pages are made of. */
  context(): Promise<PageContext>
  /** `content`, after what is said of the server. */
  signed(content: Readonly<Record<string, Json>>): Record<string, Json>
}

/** As services see it, and the responder that calls them. */
export interface DeskOwner extends Omit<AnnouncementsOwner, 'sequence'> {
  /** Publishes the numbers of the whole server, if there is a subscriber. */
  readonly announcements: { stats(): Promise<void> }
}
