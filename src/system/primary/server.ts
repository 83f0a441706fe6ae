// What the system account needs of the server, on the primary.

import type { AccountResolver } from '../../auth/resolver/resolver.ts'
import type { Log } from '../../log/log.ts'
import type { Monitored, MonitorPorts } from '../../monitor/monitored.ts'
import type { SystemMessage } from '../contract.ts'

export interface SystemServer extends Monitored {
  readonly log: Log
  readonly monitorPorts: MonitorPorts
  /** Where account tokens come from; undefined outside operator mode. */
  readonly accountResolver: AccountResolver | undefined
  /** Publishes in the system account. */
  tell(messages: readonly SystemMessage[]): void
  /** Reads the configuration again and goes on by it. */
  rereadOptions(): Promise<void>
  /** An account (a byte string) has so many connections at other servers. */
  connectionsElsewhere(account: string, count: number): void
  /** Connected clients go by the tokens that these accounts have now. */
  claimsChanged(accounts: readonly string[]): void
}
