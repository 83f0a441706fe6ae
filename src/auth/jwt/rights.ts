// The rights in a user's token or in the scope of a signing key: permissions, limits, source networks, times.

import { isIP } from 'node:net'
import { CONNECTION_TYPES, type ConnectionType, type Permissions, type SubjectRules } from '../../options/shapes.ts'
import type { Members } from './members.ts'
import { isSubject } from './subjects.ts'
import { isTimeOfDay, isZone, type Window } from './times.ts'

/** `undefined` for a list means that it was not there; an empty list may mean something else. */
interface Rule {
  readonly allow: readonly string[] | undefined
  readonly deny: readonly string[] | undefined
}

export interface TokenPermissions {
  readonly publish: Rule
  readonly subscribe: Rule
  /** The time in nanoseconds; 0 means the default. */
  readonly responses: { readonly max: number; readonly ttl: number } | undefined
}

export interface Rights extends TokenPermissions {
  /** Networks in CIDR form. */
  readonly sources: readonly string[] | undefined
  readonly windows: readonly Window[] | undefined
  /** Name of a time zone; empty: the server's. */
  readonly zone: string
  /** -1: no limit. */
  readonly subscriptions: number
  readonly data: number
  readonly payload: number
  readonly bearer: boolean
  readonly proxyRequired: boolean
  readonly connectionTypes: readonly string[] | undefined
}

/**
 * As nats-server: where answers are allowed without saying how many, or how long (docs/reference/authentication.md,
 * "Permission to respond").
 */
const RESPONSES_MAX = 1
const RESPONSES_EXPIRE_MS = 2 * 60_000

/** `limit`: what a limit is that was not given; none in scopes (-1), nothing at all in tokens (0). */
export function readRights(body: Members, limit: number): Rights {
  return {
    ...readPermissions(body),
    sources: readSources(body),
    windows: body.has('times')
      ? body.objects('times').map((window) => ({ start: window.text('start'), end: window.text('end') }))
      : undefined,
    zone: body.text('times_location'),
    subscriptions: body.integer('subs', limit),
    data: body.integer('data', limit),
    payload: body.integer('payload', limit),
    bearer: body.flag('bearer_token'),
    proxyRequired: body.flag('proxy_required'),
    connectionTypes: body.texts('allowed_connection_types'),
  }
}

export function readPermissions(body: Members): TokenPermissions {
  const rule = (name: string): Rule => {
    const members = body.object(name)
    return { allow: members.texts('allow'), deny: members.texts('deny') }
  }
  const responses = body.object('resp')
  return {
    publish: rule('pub'),
    subscribe: rule('sub'),
    responses: body.has('resp') ? { max: responses.integer('max'), ttl: responses.integer('ttl') } : undefined,
  }
}

/** A list, or a text with commas. */
function readSources(body: Members): readonly string[] | undefined {
  const sources = body.value('src')
  if (typeof sources !== 'string') return body.texts('src')
  const parts = sources.split(',').map((source) => source.trim().toLowerCase())
  return parts.filter((source) => source !== '')
}

/** Whether nothing at all is said, as a user's token must be that a scoped key signed. */
export function isEmpty(rights: Rights): boolean {
  const lists = [rights.publish.allow, rights.publish.deny, rights.subscribe.allow, rights.subscribe.deny]
  return (
    [...lists, rights.responses, rights.sources, rights.windows, rights.connectionTypes].every(
      (member) => member === undefined,
    ) &&
    [rights.subscriptions, rights.data, rights.payload].every((limit) => limit === 0) &&
    rights.zone === '' &&
    !rights.bearer &&
    !rights.proxyRequired
  )
}

// ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with rights, if anything is. */
export function whyNotRights(rights: Rights): string | undefined {
  const { sources = [], windows = [], zone } = rights
  if (!sources.every((source) => parseNetwork(source) !== undefined)) return 'source is no network'
  if (!windows.every(({ start, end }) => isTimeOfDay(start) && isTimeOfDay(end))) return 'window is no time of day'
  return isZone(zone) ? whyNotPermissions(rights) : 'unknown time zone'
}

export function whyNotPermissions({ publish, subscribe }: TokenPermissions): string | undefined {
  const entries = ({ allow, deny }: Rule): string[] => [...(allow ?? []), ...(deny ?? [])]
  const isFine = (entry: string, words: number): boolean => {
    const parts = entry.split(' ')
    return parts.length <= words && parts.every(isSubject)
  }
  if (!entries(publish).every((entry) => isFine(entry, 1))) return 'publish permission is no subject'
  if (!entries(subscribe).every((entry) => isFine(entry, 2))) return 'subscribe permission is no subject'
  return undefined
}

export interface Network {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

/** A network in CIDR form, or undefined. */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text)
  if (match === null) return undefined
  const [, address, digits] = match
  const version = isIP(address)
  const bits = Number(digits)
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return undefined
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}

// ── As the server uses them ─────────────────────────────────────────────────────────────────────────────────

/** The permissions as configuration shapes them; undefined where none are said, so that the account's hold. */
export function toPermissions({ publish, subscribe, responses }: TokenPermissions): Permissions | undefined {
  const rules = ({ allow, deny }: Rule): SubjectRules | undefined =>
    (allow ?? []).length > 0 || (deny ?? []).length > 0 ? { allow, deny } : undefined
  const publishRules = rules(publish)
  const subscribeRules = rules(subscribe)
  if (responses === undefined) {
    if (publishRules === undefined && subscribeRules === undefined) return undefined
    return { publish: publishRules, subscribe: subscribeRules, responses: undefined }
  }
  return {
    publish: { allow: publishRules?.allow ?? [], deny: publishRules?.deny },
    subscribe: subscribeRules,
    responses: {
      maxMessages: responses.max === 0 ? RESPONSES_MAX : responses.max,
      expires: responses.ttl === 0 ? RESPONSES_EXPIRE_MS : responses.ttl / 1e6,
    },
  }
}

/**
 * The connection types that are known to us; undefined: all. Where all that are named are unknown, no client can
 * connect: the answer is then an empty list.
 */
export function toConnectionTypes({ connectionTypes }: Rights): readonly ConnectionType[] | undefined {
  if (connectionTypes === undefined || connectionTypes.length === 0) return undefined
  const names = connectionTypes.map((name) => name.toUpperCase())
  return CONNECTION_TYPES.filter((type) => names.includes(type))
}
