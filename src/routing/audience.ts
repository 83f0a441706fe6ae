// Who gets every message of a plan: its plain subscriptions on this shard, by connection. Where the same filters match
// several subjects, as under a wildcard, their plans share one (audiences.ts).

import type { Dialect } from '../protocol/encoder.ts'
import type { ReceiverGroup } from './queue-plan.ts'
import type { Receiver, Subscription } from './subscription.ts'

/** Sids in one page of a fan-out at most. A message to one connection has to fit. */
export const PLACES = 4096

/** A connection, and those of its subscriptions that get the message, in this order. */
interface Member {
  readonly receiver: Receiver
  readonly subscriptions: Subscription[]
}

/** Members that read the same bytes: their sids are equal. */
export interface Bundle {
  readonly sids: readonly string[]
  readonly members: Member[]
}

/** Bundles whose bytes differ in the digits of the sids alone. */
export interface Version {
  readonly dialect: Dialect
  readonly headers: boolean
  readonly bundles: Bundle[]
}

export class Audience {
  readonly groups: readonly ReceiverGroup[]
  readonly versions: readonly Version[]
  /** Subscriptions, which is how often a message is delivered, and connections. */
  readonly size: number
  readonly connections: number
  /**
   * Each message and receiver has to be looked at: an import gives it another subject, who gets it may answer it, or
   * gets it by more subscriptions than a page has places for.
   */
  readonly isParticular: boolean
  /** Two audiences with the same have the same connections in the same bundles, by whichever subscriptions. */
  readonly crowd: string
  /** Numbers of the connections that do not want what they publish themselves; undefined: there is none. */
  private readonly deaf: Set<number> | undefined

  constructor(groups: readonly ReceiverGroup[]) {
    this.groups = groups
    const members = new Map<Receiver, { member: Member; group: ReceiverGroup }>()
    let size = 0
    let isParticular = false
    for (const group of groups) {
      isParticular ||= group.subject !== ''
      for (const subscription of group.subscriptions) {
        size++
        const { receiver } = subscription
        const known = members.get(receiver)
        if (known !== undefined) {
          known.member.subscriptions.push(subscription)
          continue
        }
        members.set(receiver, { member: { receiver, subscriptions: [subscription] }, group })
        isParticular ||= receiver.rights?.mayAnswer === true
        if (receiver.options.echo) continue
        this.deaf ??= new Set()
        this.deaf.add(receiver.id)
      }
    }
    const versions = new Map<string, Version>()
    const bundles = new Map<string, Bundle>()
    for (const { member, group } of members.values()) {
      const { dialect, headers } = group
      isParticular ||= member.subscriptions.length > PLACES
      const sids = member.subscriptions.map(({ sid }) => (dialect.writesSid ? sid : ''))
      const kind = `${member.receiver.kind} ${headers}`
      const looks = `${kind} ${sids.join(' ')}`
      const bundle = bundles.get(looks)
      if (bundle !== undefined) {
        bundle.members.push(member)
        continue
      }
      const first: Bundle = { sids, members: [member] }
      bundles.set(looks, first)
      const lengths = `${kind} ${sids.map((sid) => sid.length).join(' ')}`
      const version = versions.get(lengths)
      if (version === undefined) versions.set(lengths, { dialect, headers, bundles: [first] })
      else version.bundles.push(first)
    }
    this.versions = [...versions.values()]
    this.crowd = this.versions.map(crowdOf).join('\n')
    this.size = size
    this.connections = members.size
    this.isParticular = isParticular
  }

  /** Whether a publisher is a receiver that does not want what it publishes itself. */
  isDeaf(publisher: number): boolean {
    return this.deaf?.has(publisher) === true
  }

  /** Whether it fits these groups: the same subscriptions in the same order, of receivers that want the same. */
  isFor(groups: readonly ReceiverGroup[]): boolean {
    const { groups: own } = this
    if (own.length !== groups.length) return false
    for (let i = 0; i < own.length; i++) {
      const { subscriptions: mine, subject, headers } = own[i]
      const theirs = groups[i].subscriptions
      if (mine.length !== theirs.length || subject !== groups[i].subject || headers !== groups[i].headers) return false
      for (let j = 0; j < mine.length; j++) {
        const { receiver } = mine[j]
        if (mine[j] !== theirs[j] || receiver.options.echo === this.isDeaf(receiver.id)) return false
        if (receiver.rights?.mayAnswer === true && !this.isParticular) return false
      }
    }
    return true
  }
}

/** Its connections by their numbers, bundle by bundle. Connections of one kind have one dialect. */
function crowdOf({ headers, bundles }: Version): string {
  return `${headers} ${bundles.map(({ members }) => members.map(({ receiver }) => receiver.id).join(',')).join(' ')}`
}
