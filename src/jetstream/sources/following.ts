// What a stream follows: the origin that it mirrors, or its sources.

import { attempt } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import type { ConsumerKeeper } from '../consumers/keeper.ts'
import type { KeptConsumer } from '../storage/catalogue.ts'
import { shownOrigin } from './feed.ts'
import type { Follower } from './follower.ts'
import { Mirror } from './mirror.ts'
import { Origin, originName } from './origin.ts'
import { Positions } from './positions.ts'
import { Source } from './source.ts'
import type { SourceOf } from './source-header.ts'

/** The stream, with what is kept of it. */
export interface FollowingHost extends Follower {
  readonly id: number
  /** The mirror has nearly all that its origin has. */
  mirrorCaughtUp(): void
}

export class Following {
  private readonly stream: FollowingHost
  private readonly keeper: ConsumerKeeper
  private readonly positions: Positions
  private mirror: Mirror | undefined
  /** By index name, in the order of the configuration. */
  private sources = new Map<string, Source>()
  private closed = false

  /** `kept`: what was kept of its sources. */
  constructor(stream: FollowingHost, keeper: ConsumerKeeper, kept: KeptConsumer | undefined) {
    this.stream = stream
    this.keeper = keeper
    this.positions = new Positions(stream, kept)
    this.follow(false)
  }

  /** The stream goes by another configuration. */
  reconfigured(): void {
    this.follow(true)
  }

  private follow(isChanged: boolean): void {
    const { mirror, sources } = this.stream.config
    if (mirror === undefined) {
      this.mirror?.close(true)
      this.mirror = undefined
    } else this.mirror ??= new Mirror(this.stream, mirror, () => this.stream.mirrorCaughtUp())
    const origins = sources.map((source) => new Origin(source))
    const names = new Set(origins.map(({ indexName }) => indexName))
    for (const [index, source] of this.sources) {
      if (names.has(index)) continue
      source.close(true)
      this.sources.delete(index)
      this.positions.forget(index)
    }
    const added = origins.filter(({ indexName }) => !this.sources.has(indexName))
    if (added.length > 0) attempt(this.stream.owner.bugMet, () => this.add(added, isChanged))
  }

  /** Begins to follow sources where the stream is in them. */
  private async add(added: readonly Origin[], isNew: boolean): Promise<void> {
    const { positions, stream } = this
    const indexes = added.map(({ indexName }) => indexName)
    await positions.recall(indexes, (source) => indexesOf(added, source), isNew)
    if (this.closed) return
    stream.owner.wake()
    positions.settle()
    this.keeper.noteChange(positions)
    for (const origin of added) {
      const { indexName } = origin
      const isWanted = stream.config.sources.some((source) => new Origin(source).indexName === indexName)
      if (isWanted && !this.sources.has(indexName)) this.sources.set(indexName, new Source(stream, origin, positions))
    }
  }

  // ── What the stream tells ─────────────────────────────────────────────────────────────────────────────

  durable(): void {
    if (this.mirror === undefined && this.sources.size === 0) return
    this.mirror?.durable()
    if (this.positions.settle()) this.keeper.noteChange(this.positions)
    for (const source of this.sources.values()) source.durable()
  }

  undone(): void {
    this.positions.undo()
    this.mirror?.undone()
    for (const source of this.sources.values()) source.undone()
  }

  close(why: 'deleted' | 'closed'): void {
    this.closed = true
    this.positions.closed = true
    const all = [this.mirror, ...this.sources.values()]
    for (const each of all) each?.close(why === 'deleted')
  }

  // ── What is told of it ────────────────────────────────────────────────────────────────────────────────

  /** The members of stream info. */
  info(): { readonly mirror?: Json; readonly sources?: Json } {
    const { config } = this.stream
    if (this.mirror !== undefined) return { mirror: this.mirror.info() }
    if (config.sources.length === 0) return {}
    return { sources: config.sources.map((source) => this.infoOf(new Origin(source))) }
  }

  private infoOf(origin: Origin): Json {
    const source = this.sources.get(origin.indexName)
    return source === undefined ? shownOrigin(origin, { lag: 0, active: -1 }) : source.info()
  }
}

/** Which of the entries a header is about. */
function indexesOf(origins: readonly Origin[], { index, origin: name }: SourceOf): string[] {
  const meant = origins.filter(({ config, indexName }) =>
    index === '' ? originName(config) === name : indexName === index,
  )
  return meant.map(({ indexName }) => indexName)
}
