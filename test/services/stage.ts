// A shard as far as services see one: a real router over a real list, whose index may be full, and connections that ask
// and answer.

import { type Account, ServiceImport } from '../../src/accounts/account.ts'
import { Turns } from '../../src/base/turns.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import type { ExportOptions } from '../../src/options/shapes.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import { type Run, replyOf, subjectOf } from '../../src/protocol/run.ts'
import type { RouterOwner } from '../../src/routing/owner.ts'
import type { Publisher } from '../../src/routing/publisher.ts'
import { Router } from '../../src/routing/router.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { type Entry, InternalSubscription } from '../../src/routing/subscription.ts'
import type { ServicesOwner } from '../../src/services/owner.ts'
import { compileTransform, reverseTransform, type Transform } from '../../src/subjects/transform.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { type TestPeer, TestPublisher } from '../routing/parts.ts'

/** A message as it came somewhere. */
export interface Heard {
  readonly subject: string
  readonly reply: string
  readonly header: string
  readonly payload: string
}

class FillableSublist extends Sublist {
  isFull = false

  override insert(entry: Entry): boolean {
    return !this.isFull && super.insert(entry)
  }
}

export class ServiceStage implements RouterOwner, ServicesOwner {
  readonly pool = new CountingPool()
  readonly turns = new Turns()
  readonly peers: TestPeer[] = []
  readonly generations = new Generations()
  readonly seed = 7
  nowMs = 1_000
  readonly options = {
    trace: false,
    noFastProducerStall: false,
    serverTags: ['tag'],
    serverMetadata: {},
    jetstream: undefined,
  }
  readonly sublist: FillableSublist
  readonly router: Router
  /** The service calls under test; none: there are no services. */
  serviceCalls: RouterOwner['serviceCalls'] = { call: () => 0 }
  /** Does something that is no part of the message at hand, as connections do all that they do. */
  apart: (work: () => void) => void = (work) => work()
  readonly bugs: unknown[] = []
  readonly publisher = new TestPublisher()
  scheduled = 0

  constructor() {
    const region = createRegion()
    this.sublist = new FillableSublist(region, new InterestWriter(region, this.generations, 7))
    this.router = new Router(this)
  }

  readonly bugMet = (error: unknown): void => void this.bugs.push(error)

  readonly abroad = { routes: false, hubs: false, leafs: false }
  extendPlan(): void {}
  groupLeftOut(): void {}

  wake(): void {}
  flush(): void {}

  schedule(): void {
    this.scheduled++
  }

  /** Who listens in an account; answers what is heard there. With `answer`, each message is answered at once so. */
  listen(
    account: Account,
    subject: string,
    answer?: (heard: Heard) => string,
    as: Publisher = this.publisher,
  ): Heard[] {
    const heard: Heard[] = []
    const handle = (run: Run): void => {
      const { block, first, headerSize, size, stride, count } = run
      for (let i = 0; i < count; i++) {
        const start = first + i * stride
        const text = (from: number, to: number): string => block.bytes.toString('latin1', start + from, start + to)
        const one = {
          subject: subjectOf(run),
          reply: replyOf(run),
          header: text(0, headerSize),
          payload: text(headerSize, size),
        }
        heard.push(one)
        if (answer === undefined) continue
        const payload = answer(one)
        this.apart(() => this.publish(account, one.reply, payload, { as }))
      }
    }
    this.sublist.insert(new InternalSubscription(account, subject, handle))
    return heard
  }

  publish(
    account: Account,
    subject: string,
    payload: string,
    { reply = '', headers = {}, as = this.publisher as Publisher } = {},
  ): number {
    let sent = 0
    composeRun(this.pool, { subject, reply, headers, payload: Buffer.from(payload) }, (run) => {
      sent = this.router.dispatch(run, account, as)
    })
    return sent
  }
}

export const TERMS: ExportOptions = {
  kind: 'service',
  subject: 'svc.>',
  accounts: undefined,
  accountTokenPosition: 0,
  response: 'singleton',
  threshold: 0,
  latency: undefined,
  allowTrace: false,
}

/** The importer's `here` is the exporter's `there`. */
export function importOf(
  importer: Account,
  exporter: Account,
  {
    here = 'req.*',
    there = 'svc.*',
    share = false,
    ...terms
  }: Partial<ExportOptions> & {
    here?: string
    there?: string
    share?: boolean
  } = {},
): ServiceImport {
  const inward = compileTransform(there, here.replace('*', '$1'), true) as Transform
  const service = new ServiceImport(importer, exporter, { ...TERMS, ...terms }, reverseTransform(inward), share)
  importer.serviceImports = [...importer.serviceImports, service]
  return service
}
