// The services of the system account: pages, numbers and orders (docs/reference/system-account.md, "Services").

import type { Json } from '../../base/json.ts'
import { answerOf, type Page, type PageContext } from '../../monitor/page.ts'
import { accountStats, accountz } from '../../monitor/pages/accountz.ts'
import { connz } from '../../monitor/pages/connz.ts'
import { debugVars } from '../../monitor/pages/diagnostics.ts'
import { healthz } from '../../monitor/pages/healthz.ts'
import { jsz } from '../../monitor/pages/jsz.ts'
import { leafz } from '../../monitor/pages/leafz.ts'
import { routez } from '../../monitor/pages/routez.ts'
import { subsz } from '../../monitor/pages/subsz.ts'
import { gatewayz, ipqueuesz } from '../../monitor/pages/unsupported.ts'
import { varz } from '../../monitor/pages/varz.ts'
import { isInUse } from '../../monitor/sources/server-accounts.ts'
import { properText } from '../../subjects/byte-string.ts'
import type { ServiceName } from '../service-names.ts'
import { accountConnections, countSubscribers, countSubscriptions } from './account-numbers.ts'
import { CLAIMS_SERVICES } from './claims.ts'
import { kick, lameDuckOne, reload } from './orders.ts'
import { bodyShape, type RequestOptions } from './request-options.ts'
import type { Reply, ServiceCall, ServiceEntry } from './service.ts'
import { serverStats } from './statsz.ts'

/** The page with the parameters that the request says, and those of `more`. */
function page(
  make: Page,
  shape: ServiceEntry['shape'],
  more: (call: ServiceCall) => Readonly<Record<string, string>> = () => ({}),
): ServiceEntry {
  return { shape, answer: (call) => fromPage(make, call, more(call)) }
}

async function fromPage(make: Page, call: ServiceCall, more: Readonly<Record<string, string>>): Promise<Reply> {
  const { status, value, text = '' } = await answerOf(make, call.options.parameters(more), call.context)
  return value === undefined ? failed(text, status === 503 ? status : 500) : { data: value }
}

function failed(description: string, code = 500): Reply {
  return { data: null, error: { code, description } }
}

const PLAIN = bodyShape('', {})

const CONNZ = bodyShape('Connz', {
  sort: ['string', 'sort'],
  auth: ['bool', 'auth'],
  subscriptions: ['bool', 'subs'],
  subscriptions_detail: ['bool'],
  offset: ['int', 'offset'],
  limit: ['int', 'limit'],
  cid: ['uint64', 'cid'],
  mqtt_client: ['string', 'mqtt_client'],
  state: ['int'],
  user: ['string', 'user'],
  acc: ['string', 'acc'],
  filter_subject: ['string', 'filter_subject'],
})

const SUBSZ = bodyShape('Subsz', {
  offset: ['int', 'offset'],
  limit: ['int', 'limit'],
  subscriptions: ['bool', 'subs'],
  account: ['string', 'acc'],
  test: ['string', 'test'],
})

const LEAFZ = bodyShape('Leafz', { subscriptions: ['bool', 'subs'], account: ['string', 'acc'] })

const JSZ = bodyShape('JSz', {
  account: ['string', 'acc'],
  accounts: ['bool', 'accounts'],
  streams: ['bool', 'streams'],
  consumer: ['bool', 'consumers'],
  direct_consumer: ['bool', 'direct-consumers'],
  config: ['bool', 'config'],
  leader_only: ['bool', 'leader-only'],
  offset: ['int', 'offset'],
  limit: ['int', 'limit'],
  raft: ['bool', 'raft'],
  stream_leader_only: ['bool', 'stream-leader-only'],
})

const STATZ = bodyShape('AccountStatz', { accounts: ['[]string'], include_unused: ['bool'] })

const ORDER = bodyShape('', { cid: ['uint64'] })

const STATES = ['open', 'closed', 'all']

/** What `/connz` calls by other names. */
function connzMore(options: RequestOptions): Readonly<Record<string, string>> {
  const state = STATES[options.number('state')] ?? String(options.number('state'))
  return options.is('subscriptions_detail') ? { state, subs: 'detail' } : { state }
}

function connzOf(account: (call: ServiceCall) => string): ServiceEntry {
  return {
    shape: CONNZ,
    answer: (call) => {
      const acc = account(call)
      const isByAccount = acc !== '' || call.options.text('acc') !== ''
      if (call.options.text('filter_subject') !== '' && !isByAccount) {
        return failed('filter by subject only valid with account filtering')
      }
      return fromPage(connz, call, { ...connzMore(call.options), ...(acc === '' ? {} : { acc }) })
    },
  }
}

const accountOf = ({ request }: ServiceCall): string => request.service.account

export const SERVICES: { readonly [Name in ServiceName]: ServiceEntry } = {
  IDZ: {
    shape: PLAIN,
    isRaw: true,
    answer: ({ system: { server } }) => {
      const { serverName: name, host, serverId: id } = server.identity
      return { bare: { name, host, id } }
    },
  },
  STATSZ: {
    shape: bodyShape('Statsz', {}),
    worksUnheard: true,
    answer: async ({ request, context, system }) => {
      // Without a reply subject it goes where it goes every ten seconds.
      if (!request.hasReply) {
        await system.announcements.stats()
        return undefined
      }
      return { bare: system.signed({ statsz: await serverStats(context) }) }
    },
  },
  VARZ: page(varz, bodyShape('Varz', {})),
  SUBSZ: page(subsz, SUBSZ),
  CONNZ: connzOf(() => ''),
  ROUTEZ: page(routez, bodyShape('Routez', { subscriptions: ['bool', 'subs'], subscriptions_detail: ['bool'] })),
  GATEWAYZ: page(
    gatewayz,
    bodyShape('Gatewayz', {
      name: ['string', 'gw_name'],
      accounts: ['bool', 'accs'],
      account_name: ['string', 'acc_name'],
      subscriptions: ['bool', 'subs'],
      subscriptions_detail: ['bool'],
    }),
  ),
  LEAFZ: page(leafz, LEAFZ),
  ACCOUNTZ: page(accountz, bodyShape('Accountz', { account: ['string', 'acc'] })),
  JSZ: page(jsz, JSZ),
  HEALTHZ: {
    shape: bodyShape('Healthz', {
      'js-enabled': ['bool', 'js-enabled'],
      'js-enabled-only': ['bool', 'js-enabled-only'],
      'js-server-only': ['bool', 'js-server-only'],
      'js-meta-only': ['bool', 'js-meta-only'],
      account: ['string', 'account'],
      stream: ['string', 'stream'],
      consumer: ['string', 'consumer'],
      details: ['bool', 'details'],
    }),
    answer: async ({ options, context }) => {
      const { status: status_code, value } = await healthz(options.parameters(), context)
      const { status, ...rest } = value as { readonly status: string }
      return { data: { status, status_code, ...rest } }
    },
  },
  PROFILEZ: {
    shape: bodyShape('Profilez', { name: ['string'], debug: ['int'], duration: ['int'] }),
    answer: ({ options }) => {
      const name = options.text('name')
      const error = name === '' ? 'Profile name not specified' : `Profile ${JSON.stringify(name)} not found`
      return { data: { profile: null, error } }
    },
  },
  EXPVARZ: page(debugVars, bodyShape('Expvarz', {})),
  IPQUEUESZ: page(ipqueuesz, bodyShape('Ipqueuesz', { all: ['bool', 'all'], filter: ['string'] })),
  RAFTZ: { shape: bodyShape('Raftz', { account: ['string'], group: ['string'] }), answer: () => ({ data: {} }) },

  RELOAD: { shape: PLAIN, answer: reload },
  KICK: { shape: ORDER, answer: kick },
  LDM: { shape: ORDER, answer: lameDuckOne },

  'ACCOUNT.SUBSZ': page(subsz, SUBSZ, (call) => ({ subs: 'true', acc: accountOf(call) })),
  'ACCOUNT.CONNZ': connzOf(accountOf),
  'ACCOUNT.LEAFZ': page(leafz, LEAFZ, (call) => ({ acc: accountOf(call) })),
  'ACCOUNT.JSZ': {
    shape: JSZ,
    answer: (call) => {
      if (call.system.server.options.jetstream === undefined) return failed('jetstream not enabled')
      return fromPage(jsz, call, { acc: accountOf(call), accounts: 'true' })
    },
  },
  'ACCOUNT.INFO': {
    shape: PLAIN,
    answer: async (call) => {
      const reply = await fromPage(accountz, call, { acc: accountOf(call) })
      if (reply === undefined || !('data' in reply) || reply.data === null) return reply
      return { data: (reply.data as { readonly account_detail: Json }).account_detail }
    },
  },
  'ACCOUNT.STATZ': {
    shape: STATZ,
    answer: ({ request, options, context }) => statz([properText(request.service.account)], options, context),
  },
  'ACCOUNT.CONNS': { shape: bodyShape('', { acc: ['string'] }), answer: accountConnections },
  STATZ: { shape: STATZ, answer: ({ options, context }) => statz(options.texts('accounts'), options, context) },
  NSUBS: {
    shape: bodyShape('', { acc: ['string'], subject: ['string'], queue: ['string'] }),
    answer: countSubscriptions,
  },
  SUBSCRIBERS: { shape: PLAIN, isRaw: true, answer: countSubscribers },
  // Not answered, and not asked: what other servers tell (primary-system.ts).
  'NEWS.CONNS': { shape: PLAIN, answer: () => undefined },
  'NEWS.SHUTDOWN': { shape: PLAIN, answer: () => undefined },
  // Answered by the shard, which knows the connection (user-info.ts).
  'USER.INFO': { shape: PLAIN, answer: () => undefined },

  ...CLAIMS_SERVICES,
}

/** Of these accounts, or of all; silence where there is nothing to tell. */
async function statz(names: readonly string[], options: RequestOptions, context: PageContext): Promise<Reply> {
  const withUnused = options.is('include_unused')
  const data = await accountStats(context, (account) => {
    const isNamed = names.length === 0 || names.includes(account.name)
    return isNamed && (withUnused || isInUse(account))
  })
  return data.account_statz.length === 0 && !withUnused ? undefined : { data }
}
