// The names of the server's own services, by the way their subjects are made (docs/reference/system-account.md,
// "Services").

/** `$SYS.REQ.SERVER.PING.<name>`, `$SYS.REQ.SERVER.<id>.<name>`. */
export const SERVER_PAGES = [
  'IDZ',
  'STATSZ',
  'VARZ',
  'SUBSZ',
  'CONNZ',
  'ROUTEZ',
  'GATEWAYZ',
  'LEAFZ',
  'ACCOUNTZ',
  'JSZ',
  'HEALTHZ',
  'PROFILEZ',
  'EXPVARZ',
  'IPQUEUESZ',
  'RAFTZ',
] as const

/** `$SYS.REQ.SERVER.<id>.<name>`. */
export const ORDERS = ['RELOAD', 'KICK', 'LDM'] as const

/** `$SYS.REQ.<name>`, with the account's name as the third token. */
export const ACCOUNT_PAGES = [
  'ACCOUNT.SUBSZ',
  'ACCOUNT.CONNZ',
  'ACCOUNT.LEAFZ',
  'ACCOUNT.JSZ',
  'ACCOUNT.INFO',
  'ACCOUNT.STATZ',
  'ACCOUNT.CONNS',
] as const

/** `$SYS.REQ.<name>`; UPDATE and LOOKUP of one account are under `$SYS.REQ.ACCOUNT.<account>.`. */
export const CLAIMS = ['CLAIMS.PACK', 'CLAIMS.LIST', 'CLAIMS.UPDATE', 'CLAIMS.DELETE'] as const

/** What other servers of the cluster tell of themselves: `$SYS.SERVER.<…>`. */
export const NEWS = ['NEWS.CONNS', 'NEWS.SHUTDOWN'] as const

const OTHERS = ['STATZ', 'NSUBS', 'SUBSCRIBERS', 'USER.INFO', 'CLAIMS.LOOKUP'] as const

export type ServiceName =
  | (typeof SERVER_PAGES)[number]
  | (typeof ORDERS)[number]
  | (typeof ACCOUNT_PAGES)[number]
  | (typeof CLAIMS)[number]
  | (typeof NEWS)[number]
  | (typeof OTHERS)[number]
