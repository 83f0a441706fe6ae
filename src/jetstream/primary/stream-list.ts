// The list of all streams of the server, on the primary, which outlives every shard: it decides who may have which name
// and subjects, knows what is reserved, and tells a new shard its streams.

import { randomText } from '../../base/event-head.ts'
import type { Json } from '../../base/json.ts'
import type { JetStreamOptions } from '../../options/shapes.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import { FilterTree } from '../../subjects/filter-tree.ts'
import { LIST_MAX } from '../account-api.ts'
import type { ClaimLimits, ListedStream, ShardStreams, StreamAnswer, StreamQuestion } from '../contract.ts'
import { type ApiError, apiError, invalidConfig } from '../errors.ts'
import { shardOf } from '../placement.ts'
import { formsCycle, reachableFrom } from '../sources/rules.ts'
import type { KeptStream } from '../storage/catalogue.ts'
import type { StreamConfig } from '../stream-config.ts'
import { Usage } from '../usage.ts'
import type { StorageHost } from './storage-host.ts'

/** What the list needs of the primary. */
export interface StreamListOwner {
  readonly options: { readonly jetstream: JetStreamOptions | undefined; readonly workers: number }
  readonly log: { warn(text: string): void }
  /** All that shards know of an account's streams. */
  askStreams(account: string, names: readonly string[], consumers: boolean): Promise<readonly StreamDetails[]>
}

interface StreamDetails {
  readonly name: string
  readonly info: { readonly [member: string]: Json }
  readonly consumers: readonly Json[]
}

/** Whose streams are being restored, or were when all ended. */
const NOBODY = ''

/** What is kept of a stream besides its names. */
type Kept = Pick<ListedStream, 'config' | 'createdUs'>

interface Ailment {
  readonly account: string
  readonly stream: string
  readonly text: string
}

interface AccountList {
  readonly usage: Usage
  readonly streams: Map<string, ListedStream>
  /** What is wrong with the disk of streams, by name. */
  readonly ailing: Map<string, string>
  /** Names of streams, by their subjects. */
  readonly subjects: FilterTree<string>
}

export class StreamList {
  private readonly owner: StreamListOwner
  private readonly shards: number
  private readonly accounts = new Map<string, AccountList>()
  private readonly serverUsage: Usage
  /** Who keeps them on the disk. */
  readonly storage: StorageHost

  /** The list of the streams that were kept. */
  static async open(owner: StreamListOwner, storage: StorageHost): Promise<StreamList> {
    const { notes, streams } = await storage.service.streams()
    for (const note of notes) owner.log.warn(note)
    const [left, kept] = [true, false].map((isLeft) => streams.filter(({ account }) => (account === NOBODY) === isLeft))
    for (const { id } of left) await storage.service.deleteStream(id)
    return new StreamList(owner, storage, kept)
  }

  private constructor(owner: StreamListOwner, storage: StorageHost, kept: readonly KeptStream[]) {
    this.owner = owner
    this.storage = storage
    this.shards = Math.max(1, owner.options.workers)
    this.serverUsage = Usage.create(this.shards)
    for (const { account, id, name, config } of kept) {
      this.put(account, name, { account, id, ...(JSON.parse(config) as Kept) })
    }
  }

  close(): Promise<void> {
    return this.storage.close()
  }

  /** What a new shard is told. */
  ofShard(shard: number): ShardStreams {
    const accounts = [...this.accounts].map(([name, { streams, usage }]) => {
      const own = [...streams.values()].filter(({ config }) => {
        return shardOf(name, byteString(config.name), this.shards) === shard
      })
      return { name, usage: usage.buffer, streams: own }
    })
    return { serverUsage: this.serverUsage.buffer, accounts }
  }

  /** A shard has died: what it used counts no more, until another opens its streams. */
  shardDied(shard: number): void {
    this.serverUsage.clear(shard)
    for (const [account, { ailing, usage }] of this.accounts) {
      usage.clear(shard)
      for (const name of ailing.keys()) {
        if (shardOf(account, byteString(name), this.shards) === shard) ailing.delete(name)
      }
    }
  }

  async answer(question: StreamQuestion): Promise<StreamAnswer> {
    switch (question.verb) {
      case 'usage':
        return { usage: this.accountOf(question.account).usage.buffer }
      case 'claim':
        return this.claim(question.stream, question.limits)
      case 'reserve':
        return this.reserve(question.stream, question.limits)
      case 'adopt':
        return this.adopt(question.stream, question.limits)
      case 'origins':
        return { configs: reachableFrom(question.config, (name) => this.configOf(question.account, name)) }
      case 'release':
        return this.release(question.account, question.name)
      case 'ailing':
        this.note(question.account, question.name, question.text)
        return {}
      case 'names':
        return { names: this.namesOf(question.account, question.subject) }
      case 'list':
        return this.list(question.account, question.subject, question.offset)
    }
  }

  private configOf(account: string, name: string): StreamConfig | undefined {
    return this.accounts.get(account)?.streams.get(name)?.config
  }

  private accountOf(name: string): AccountList {
    let account = this.accounts.get(name)
    if (account === undefined) {
      account = { usage: Usage.create(this.shards), streams: new Map(), subjects: new FilterTree(), ailing: new Map() }
      this.accounts.set(name, account)
    }
    return account
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a stream into the list, in the place of what had its name; undefined: it is there no more. */
  private put(account: string, name: string, stream: ListedStream | undefined): void {
    const { streams, subjects, usage } = this.accountOf(account)
    const before = streams.get(name)
    for (const subject of before?.config.subjects ?? []) subjects.remove(subject, name)
    for (const subject of stream?.config.subjects ?? []) subjects.add(subject, name)
    if (stream === undefined) streams.delete(name)
    else streams.set(name, stream)
    for (const [config, sign] of [[before?.config, -1] as const, [stream?.config, 1] as const]) {
      if (config === undefined) continue
      for (const one of [usage, this.serverUsage]) {
        one.reserve(config.storage, one.reserved(config.storage) + sign * Math.max(0, config.max_bytes))
      }
    }
  }

  private async claim(stream: ListedStream, limits: ClaimLimits): Promise<StreamAnswer> {
    const error = this.whyNot(stream, limits)
    if (error !== undefined) return { error }
    const { account, config, createdUs } = stream
    const { name } = config
    const before = this.accountOf(account).streams.get(name)
    // At once: what is claimed meanwhile is judged beside it.
    this.put(account, name, stream)
    if (config.storage === 'memory') return { id: 0 }
    try {
      const kept: Kept = { config, createdUs }
      const id = await this.storage.service.putStream(account, name, JSON.stringify(kept))
      this.put(account, name, { ...stream, id })
      return { id }
    } catch (error) {
      this.put(account, name, before)
      return { failure: textOf(error) }
    }
  }

  private async reserve(stream: ListedStream, limits: ClaimLimits): Promise<StreamAnswer> {
    const error = this.whyNotRestore(stream, limits)
    if (error !== undefined) return { error }
    if (stream.config.storage === 'memory') return { id: 0 }
    return { id: await this.storage.service.putStream(NOBODY, randomText(), '') }
  }

  private async adopt(stream: ListedStream, limits: ClaimLimits): Promise<StreamAnswer> {
    const error = this.whyNotRestore(stream, limits)
    if (error !== undefined) return { error }
    const { account, config, createdUs, id } = stream
    this.put(account, config.name, stream)
    const kept: Kept = { config, createdUs }
    try {
      if (id > 0) await this.storage.service.moveStream(id, account, config.name, JSON.stringify(kept))
      return { id }
    } catch (error) {
      this.put(account, config.name, undefined)
      return { failure: textOf(error) }
    }
  }

  private whyNotRestore(stream: ListedStream, limits: ClaimLimits): ApiError | undefined {
    const isThere = this.configOf(stream.account, stream.config.name) !== undefined
    return isThere ? apiError(10130) : this.whyNot(stream, limits)
  }

  /** What is wrong with a stream beside the others. */
  private whyNot(stream: ListedStream, limits: ClaimLimits): ApiError | undefined {
    const { streams, subjects } = this.accountOf(stream.account)
    const { config } = stream
    const before = streams.get(config.name)?.config
    if (before === undefined && limits.streams >= 0 && streams.size >= limits.streams) return apiError(10027)
    const wrong = this.whyNoRoom(config, before, stream.account, limits)
    if (wrong !== undefined) return wrong
    for (const subject of config.subjects) {
      for (const name of subjects.overlapping(subject)) if (name !== config.name) return apiError(10065)
    }
    // They may have been made at once.
    const isCycle = formsCycle(config, (name) => this.configOf(stream.account, name))
    return isCycle ? invalidConfig('detected cycle') : undefined
  }

  private async release(account: string, name: string): Promise<StreamAnswer> {
    const { streams } = this.accountOf(account)
    const id = streams.get(name)?.id ?? 0
    try {
      if (id > 0) await this.storage.service.deleteStream(id)
    } catch (error) {
      return { failure: textOf(error) }
    }
    this.accountOf(account).ailing.delete(name)
    this.put(account, name, undefined)
    return {}
  }

  /** Whether what a stream may become is still free, for its account and for the server. */
  private whyNoRoom(
    config: StreamConfig,
    before: StreamConfig | undefined,
    account: string,
    limits: ClaimLimits,
  ): ApiError | undefined {
    const { storage } = config
    const error = apiError(storage === 'memory' ? 10028 : 10047)
    const wanted = Math.max(1, config.max_bytes)
    const had = before === undefined ? 0 : Math.max(0, before.max_bytes)
    const ofAccount = limits[storage]
    if (ofAccount >= 0 && this.accountOf(account).usage.reserved(storage) - had + wanted > ofAccount) return error
    const { jetstream } = this.owner.options
    const ofServer = (storage === 'memory' ? jetstream?.maxMemory : jetstream?.maxFile) ?? 0
    return ofServer >= 0 && this.serverUsage.reserved(storage) - had + wanted > ofServer ? error : undefined
  }

  // ── What pages show ───────────────────────────────────────────────────────────────────────────────────

  totals(account?: string) {
    const usage = account === undefined ? this.serverUsage : this.accountOf(account).usage
    const { requests, errors } = this.requests(account)
    return {
      memory: usage.total('memory'),
      file: usage.total('file'),
      reservedMemory: usage.reserved('memory'),
      reservedFile: usage.reserved('file'),
      streams: usage.total('streams'),
      consumers: usage.total('consumers'),
      messages: usage.total('messages'),
      requests,
      errors,
    }
  }

  /** Requests to the API are counted by account. */
  private requests(account?: string): { requests: number; errors: number } {
    const lists = account === undefined ? [...this.accounts.values()] : [this.accountOf(account)]
    let [requests, errors] = [0, 0]
    for (const { usage } of lists) {
      requests += usage.total('requests')
      errors += usage.total('errors')
    }
    return { requests, errors }
  }

  accountNames(): string[] {
    return [...this.accounts.keys()].map(properText)
  }

  has(account: string, stream: string): boolean {
    return this.accounts.get(account)?.streams.has(stream) === true
  }

  /** Streams can be created, changed and opened, as far as can be seen. */
  get isStorageWell(): boolean {
    return this.storage.isWell
  }

  private note(account: string, name: string, ailment: string): void {
    const { ailing } = this.accountOf(account)
    if (ailment === '') ailing.delete(name)
    else ailing.set(name, ailment)
  }

  /** What is wrong with streams, of an account or of all. Proper names. */
  ailments(account?: string, stream?: string): Ailment[] {
    const found: Ailment[] = []
    for (const [name, { ailing, streams }] of this.accounts) {
      if (account !== undefined && account !== name) continue
      for (const [each, text] of ailing) {
        if ((stream !== undefined && stream !== each) || !streams.has(each)) continue
        found.push({ account: properText(name), stream: each, text })
      }
    }
    return found
  }

  /** Whether a stream has a consumer; undefined: its shard does not answer. */
  async hasConsumer(account: string, stream: string, consumer: string): Promise<boolean | undefined> {
    const [details] = await this.owner.askStreams(account, [stream], true)
    return details?.consumers.some((each) => (each as { name?: Json }).name === consumer)
  }

  /** All that is known of an account's streams and, if that is asked for, of their consumers. */
  async details(account: string, withConsumers: boolean): Promise<StreamDetails['info'][]> {
    const names = this.namesOf(account, '')
    const details = new Map<string, StreamDetails['info']>()
    for (const { name, info, consumers } of await this.owner.askStreams(account, names, withConsumers)) {
      details.set(name, consumers.length === 0 ? info : { ...info, consumer_detail: consumers })
    }
    return names.map((name) => details.get(name)).filter((info) => info !== undefined)
  }

  // ── Lists ─────────────────────────────────────────────────────────────────────────────────────────────

  private namesOf(account: string, subject: string): string[] {
    const { streams, subjects } = this.accountOf(account)
    return [...new Set(subject === '' ? streams.keys() : subjects.overlapping(subject))].sort()
  }

  private async list(account: string, subject: string, offset: number): Promise<StreamAnswer> {
    const names = this.namesOf(account, subject)
    const shown = names.slice(offset, offset + LIST_MAX)
    const details = new Map<string, object>()
    for (const { name, info } of await this.owner.askStreams(account, shown, false)) details.set(name, info)
    const infos = shown.map((name) => details.get(name)).filter((info) => info !== undefined)
    return { total: names.length, infos, missing: shown.filter((name) => !details.has(name)) }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
