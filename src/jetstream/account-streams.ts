// The streams of one account that this shard owns, and what the whole account uses.

import type { Account } from '../accounts/account.ts'
import { attempt } from '../base/guarded.ts'
import { Consumer, type ConsumerPlace } from './consumers/consumer.ts'
import { InterestWatch } from './consumers/interest-watch.ts'
import type { ConsumerKeeper } from './consumers/keeper.ts'
import { listedConsumer } from './consumers/kept-consumer.ts'
import type { ListedStream } from './contract.ts'
import type { JetStreamOwner } from './owner.ts'
import type { ScheduleTimer } from './schedules/schedule-timer.ts'
import { Sender } from './sender.ts'
import { isPositions } from './sources/positions.ts'
import type { KeptConsumer } from './storage/catalogue.ts'
import type { FileStoreOwner } from './storage/file-store.ts'
import type { StreamStore } from './storage/store.ts'
import type { Stores } from './stores.ts'
import { Stream } from './stream.ts'
import type { Usage } from './usage.ts'

type Storage = 'memory' | 'file'

export class AccountStreams {
  readonly account: Account
  readonly sender: Sender
  readonly owner: JetStreamOwner
  readonly usage: Usage
  /** Of all accounts. */
  readonly serverUsage: Usage
  /** By name, as configurations have it. */
  readonly streams = new Map<string, Stream>()
  readonly keeper: ConsumerKeeper
  readonly consumerPlace: ConsumerPlace
  readonly stores: Stores
  private readonly scheduleTimer: ScheduleTimer
  private readonly queues = new Map<string, Promise<unknown>>()

  constructor(
    owner: JetStreamOwner,
    account: Account,
    usage: Usage,
    serverUsage: Usage,
    stores: Stores,
    scheduleTimer: ScheduleTimer,
  ) {
    this.owner = owner
    this.stores = stores
    this.scheduleTimer = scheduleTimer
    this.account = account
    this.usage = usage
    this.serverUsage = serverUsage
    this.sender = new Sender(owner, account)
    this.keeper = stores.keeper
    this.consumerPlace = {
      watch: new InterestWatch(owner),
      keeper: this.keeper,
      count: (difference) => {
        for (const each of [usage, serverUsage]) each.add(owner.index, 'consumers', difference)
      },
    }
  }

  /**
   * Does something about a stream when all that was begun about it before is done: at once, where that is so and the
   * work itself waits for nothing.
   */
  inOrder(name: string, work: () => unknown): void {
    const before = this.queues.get(name)
    const done = before === undefined ? work() : before.then(work)
    if (!(done instanceof Promise)) return
    const settled = done.catch(this.owner.bugMet).then(() => {
      if (this.queues.get(name) === settled) this.queues.delete(name)
    })
    this.queues.set(name, settled)
  }

  /**
   * Opens a stream of the list with its consumers, and begins to hear its subjects. Undefined: the index has no room
   * for them, and it is closed again. Rejects if its store cannot be opened. `given`: a store in memory that is filled.
   */
  async open(
    listed: ListedStream,
    consumers: readonly KeptConsumer[] = [],
    given?: StreamStore,
  ): Promise<Stream | undefined> {
    const { account, owner, serverUsage, usage } = this
    let stream: Stream | undefined
    const told = (what: string, text: string): void => {
      owner.log.error(`Stream '${listed.account} > ${listed.config.name}' ${what}: ${text}`)
    }
    const events: FileStoreOwner = {
      becameDurable: () => attempt(owner.bugMet, () => stream?.becameDurable()),
      failed: (first, _last, failure) => {
        told('could not store messages', failure.text)
        this.ails(listed, `write error: ${failure.text}`)
        attempt(owner.bugMet, () => stream?.failed(first))
      },
      lost: (loss) => {
        told(`has lost messages ${loss.first} to ${loss.last}`, loss.text)
        attempt(owner.bugMet, () => stream?.lost())
      },
      trouble: (failure) => {
        told('write error', failure.text)
        this.ails(listed, `write error: ${failure.text}`)
      },
      recovered: () => this.ails(listed, ''),
    }
    const store = given ?? (await this.stores.open(listed, events))
    stream = new Stream(
      {
        owner,
        account,
        usages: [usage, serverUsage],
        scheduleTimer: this.scheduleTimer,
        roomOfAccount: (storage) => this.roomOfAccount(storage),
        roomOfServer: (storage) => this.roomOfServer(storage),
      },
      listed,
      store,
    )
    await stream.recall()
    owner.wake()
    this.streams.set(stream.name, stream)
    // First, as messages that nobody wants may not be kept.
    const isHeard = consumers.every((kept) => isPositions(kept) || this.restore(stream, kept))
    if (isHeard && stream.listen()) {
      stream.retention.consumersRestored()
      stream.follow(this.keeper, consumers.find(isPositions))
      return stream
    }
    this.streams.delete(stream.name)
    await stream.close('closed')
    return undefined
  }

  /** Tells the primary what is wrong with the disk of a stream; empty: nothing any more. */
  ails({ account, config: { name } }: ListedStream, text: string): void {
    const { bugMet, questions } = this.owner
    attempt(bugMet, () => questions.ask('streams', { question: { verb: 'ailing', account, name, text } }))
  }

  /** Returns false if the index has no room for what it hears. */
  private restore(stream: Stream, kept: KeptConsumer): boolean {
    return new Consumer(stream, listedConsumer(kept), this.consumerPlace).listen()
  }

  /** Bytes that may still be stored. */
  room(storage: Storage): number {
    return Math.min(this.roomOfAccount(storage), this.roomOfServer(storage))
  }

  private roomOfAccount(storage: Storage): number {
    const { jetstream } = this.account
    const max = (storage === 'memory' ? jetstream?.maxMemory : jetstream?.maxFile) ?? -1
    return max < 0 ? Number.POSITIVE_INFINITY : max - this.usage.total(storage)
  }

  private roomOfServer(storage: Storage): number {
    const { jetstream } = this.owner.options
    const max = (storage === 'memory' ? jetstream?.maxMemory : jetstream?.maxFile) ?? 0
    return max - this.serverUsage.total(storage)
  }
}
