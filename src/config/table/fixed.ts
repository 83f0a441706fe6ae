// What a reload cannot change, by the names that nats-server gives it when it refuses one, and in the order in which
// it looks: of several that differ, the first is named. What stands last is ours alone.

import type { OptionName } from '../../options/options.ts'

export const FIXED: ReadonlyMap<OptionName, string> = new Map<OptionName, string>([
  ['name', 'ServerName'],
  ['host', 'Host'],
  ['port', 'Port'],
  ['disableSublistCache', 'NoSublistCache'],
  ['noHeaderSupport', 'NoHeaderSupport'],
  ['maxSubscriptions', 'MaxSubs'],
  ['maxSubscriptionTokens', 'MaxSubTokens'],
  ['noAuthUser', 'NoAuthUser'],
  ['systemAccount', 'SystemAccount'],
  ['noSystemAccount', 'NoSystemAccount'],
  ['proxyProtocol', 'ProxyProtocol'],
  ['monitorHost', 'HTTPHost'],
  ['monitorPort', 'HTTPPort'],
  ['monitorBasePath', 'HTTPBasePath'],
  ['httpsPort', 'HTTPSPort'],
  ['maxPending', 'MaxPending'],
  ['websocket', 'Websocket'],
  ['profPort', 'ProfPort'],
  ['logSizeLimit', 'LogSizeLimit'],
  ['logMaxNum', 'LogMaxFiles'],
  ['allowNonTls', 'AllowNonTLS'],
  ['writeTimeout', 'WriteTimeout'],
  ['maxClosedClients', 'MaxClosedClients'],
  ['lameDuckDuration', 'LameDuckDuration'],
  ['lameDuckGracePeriod', 'LameDuckGracePeriod'],
  ['trustedKeys', 'TrustedKeys'],
  ['operators', 'TrustedOperators'],
  ['workers', 'Workers'],
  ['maxInterestBytes', 'MaxInterestBytes'],
  ['log', 'NoLog'],
])
