// The soak: connections come and go, subscribe and unsubscribe at random, publish numbered messages, and every
// delivery is checked against what was published.
//
// Every connection is a publisher session as well; its log holds the subject of each message it has written, so that
// the number of a message says what it was. "Before" and "after" are meant in the order of events in this process.
//
//   a plain subscription, for each session     gets the session's matching messages in order and none twice: every one
//                                              that was written after the PONG behind its SUB, up to where it ends.
//                                              (What was written before that PONG may come or not.) It ends no sooner
//                                              than with the last that was written before a fence which the session
//                                              published and the subscriber has received before it sent UNSUB
//                                              (a message merely written before the UNSUB may be overtaken by it on
//                                              its way to the server). Nothing comes after the PONG behind an UNSUB.
//   a subscription with a max                  likewise, and none beyond that many once the PONG behind the UNSUB that
//                                              says so has come. (Others may publish between SUB and UNSUB.)
//   the queue group "firm"                     its members only leave by UNSUB, and one never does: every message is
//                                              delivered to exactly one member, and to each member those of one session
//                                              in order.
//   the queue group "frail"                    its members may also drop their connections: at most one member.
//
// A session that is dropped (not closed) may lose the tail of what it wrote, and nothing else.

import type { Message } from '../support/frame-reader.ts'
import type { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const SUBJECTS = ['a', 'b', 'c'].flatMap((first) =>
  ['0', '1', '2', '3'].flatMap((second) => ['x', 'y'].map((third) => `s.${first}.${second}.${third}`)),
)
const FILTERS = [
  ...SUBJECTS,
  ...['s.>', 's.*.*.*', 's.a.>', 's.b.*.x', 's.*.1.x', 's.*.2.>', 's.c.3.*', 's.*.*.y', 's.b.0.>'],
]
const FENCE = -1

/** matchTable[filter][subject] */
const matchTable: readonly (readonly boolean[])[] = FILTERS.map((filter) =>
  SUBJECTS.map((subject) => {
    const tokens = subject.split('.')
    const wanted = filter.split('.')
    for (const [i, want] of wanted.entries()) {
      if (want === '>') return tokens.length > i
      if (want !== '*' && want !== tokens[i]) return false
    }
    return wanted.length === tokens.length
  }),
)

const CONNECTIONS = 24
const SUBSCRIPTIONS_MAX = 60
const FIRM_FILTER = 's.a.>'
const FRAIL_FILTERS = ['s.b.>', 's.b.*.*', 's.*.*.*']
/** Only these are counted for the frail group: all of its filters match them. */
const FRAIL_PREFIX = 's.b.'

export interface SoakOptions {
  readonly port: number
  readonly seconds: number
  readonly random: Random
  /** Told once a second. */
  readonly onProgress?: (report: SoakReport) => void
}

export interface SoakReport {
  published: number
  plainDeliveries: number
  queueDeliveries: number
  subscriptions: number
  connections: number
  /** Messages of the frail group that came after later ones of their publisher: a member had gone with its connection. */
  queueDetours: number
  /** Messages written before the PONG behind a SUB that were left out although an earlier one had been delivered. */
  earlyHoles: number
  faults: string[]
}

interface Session {
  readonly id: number
  readonly client: RawClient
  /** Subject index of each message written; the message's number is its place. */
  readonly log: number[]
  /** No more is published. */
  ended: boolean
  readonly subscriptions: Map<string, Subscription>
  readonly pongs: (() => void)[]
  /** Fences that this connection waits for: subject → callback. */
  readonly fences: Map<string, () => void>
  readonly headers: boolean
  /** Called when nothing more will be published. */
  readonly onEnd: (() => void)[]
  /** Queue group → session → latest number. */
  readonly queueOrder: Map<string, Map<number, number>>
}

interface Subscription {
  readonly sid: string
  readonly filter: number
  readonly owner: Session
  readonly group: '' | 'firm' | 'frail'
  /** 0 = none. */
  readonly max: number
  delivered: number
  /** The PONG behind SUB has come: session → length of its log then. */
  from: Map<number, number> | undefined
  /** session → number of the next message that has not been accounted for. */
  readonly next: Map<number, number>
  /** Resolves when the PONG behind its UNSUB has come; undefined: nobody has asked it to leave. */
  left: Promise<void> | undefined
}

export class Soak {
  readonly report: SoakReport = {
    published: 0,
    plainDeliveries: 0,
    queueDeliveries: 0,
    subscriptions: 0,
    connections: 0,
    queueDetours: 0,
    earlyHoles: 0,
    faults: [],
  }
  private readonly options: SoakOptions
  private readonly random: Random
  private readonly sessions = new Map<number, Session>()
  private live: Session[] = []
  private nextSession = 0
  private nextSid = 0
  private nextFence = 0
  private plainCount = 0
  private readonly tasks = new Set<Promise<void>>()
  /** Deliveries to the groups, by session and number. */
  private readonly firm = new Map<number, Uint8Array>()
  private readonly frail = new Map<number, Uint8Array>()
  private firmSince = new Map<number, number>()

  constructor(options: SoakOptions) {
    this.options = options
    this.random = options.random
  }

  async run(): Promise<SoakReport> {
    const { random } = this
    for (let i = 0; i < CONNECTIONS; i++) this.live.push(await this.connect())
    // The member of the firm group that never leaves lives on a connection that never does.
    const anchor = this.live[0]
    await this.subscribe(anchor, FILTERS.indexOf(FIRM_FILTER), 'firm', 0)
    this.firmSince = new Map(this.live.map((session) => [session.id, session.log.length]))

    const endMs = performance.now() + this.options.seconds * 1000
    let tellMs = performance.now() + 1000
    for (let step = 0; performance.now() < endMs && this.report.faults.length === 0; step++) {
      const dice = random.below(1000)
      if (dice < 800) this.publishBurst(random.pick(this.live))
      else if (dice < 870) this.start(this.subscribeSomething())
      else if (dice < 920) this.start(this.unsubscribeSomething(false))
      else if (dice < 960) this.start(this.unsubscribeSomething(true))
      else if (dice < 985) this.start(this.changeQueues())
      else if (dice < 988) await this.replaceSession(false)
      else if (dice < 991) await this.replaceSession(true)
      if (step % 20 === 0) await new Promise(setImmediate)
      // A barrier now and then, so that nobody falls far behind: this process reads for everybody.
      if (step % 400 === 0) await this.barrier()
      if (performance.now() > tellMs) {
        tellMs += 1000
        this.options.onProgress?.(this.report)
      }
    }
    await this.finish()
    return this.report
  }

  // ── Connections ───────────────────────────────────────────────────────────────────────────────────────

  private async connect(): Promise<Session> {
    const headers = this.random.chance(0.5)
    const client = await RawClient.open(this.options.port, { headers })
    const session: Session = {
      id: this.nextSession++,
      client,
      log: [],
      ended: false,
      subscriptions: new Map(),
      pongs: [],
      fences: new Map(),
      headers,
      onEnd: [],
      queueOrder: new Map([
        ['firm', new Map()],
        ['frail', new Map()],
      ]),
    }
    client.onMessage = (message) => this.hear(session, message)
    client.onLine = (line) => {
      if (line === 'PONG') {
        session.pongs.shift()?.()
        return true
      }
      this.fault(`session ${session.id}: the server said ${line}`)
      return true
    }
    client.socket.once('close', () => {
      if (!session.ended) this.fault(`session ${session.id}: closed by the server`)
    })
    client.send('SUB fence.* fence\r\n'.replace('*', `${session.id}.>`))
    await this.ping(session)
    this.sessions.set(session.id, session)
    this.firmSince.set(session.id, 0)
    this.report.connections++
    return session
  }

  /** Resolves in the very event that brings the PONG, or when the session has ended. */
  private ping(session: Session): Promise<void> {
    return new Promise((resolve) => {
      session.pongs.push(resolve)
      session.client.send('PING\r\n')
    })
  }

  private async replaceSession(properly: boolean): Promise<void> {
    if (this.live.length < 2) return
    const place = 1 + this.random.below(this.live.length - 1)
    const session = this.live[place]
    // Members of the firm group do not drop their connections.
    for (const subscription of [...session.subscriptions.values()]) {
      if (subscription.group === 'firm') await this.unsubscribe(subscription, false)
    }
    if (properly) {
      for (const subscription of [...session.subscriptions.values()]) await this.unsubscribe(subscription, true)
      await this.fenceFrom(session)
    }
    session.ended = true
    for (const { group } of session.subscriptions.values()) if (group === '') this.plainCount--
    session.subscriptions.clear()
    for (const resume of session.pongs.splice(0)) resume()
    for (const resume of session.fences.values()) resume()
    session.fences.clear()
    for (const callback of session.onEnd.splice(0)) callback()
    if (properly) session.client.socket.end()
    else session.client.socket.destroy()
    this.live[place] = await this.connect()
    if (properly) await until('the end of a connection', () => session.client.isClosed)
  }

  // ── Publishing ────────────────────────────────────────────────────────────────────────────────────────

  private publishBurst(session: Session): void {
    const { random } = this
    if (session.client.socket.writableLength > 256 * 1024) return
    const count = 1 + random.below(30)
    const same = random.chance(0.5)
    let subject = random.below(SUBJECTS.length)
    let filler = this.filler()
    for (let i = 0; i < count; i++) {
      if (!same) {
        subject = random.below(SUBJECTS.length)
        if (random.chance(0.2)) filler = this.filler()
      }
      if (filler.length > 10_000 && i > 2) filler = ''
      this.publish(session, subject, SUBJECTS[subject], filler)
    }
  }

  private filler(): string {
    const { random } = this
    const dice = random.below(1000)
    if (dice < 700) return ''
    if (dice < 950) return ' '.padEnd(random.below(200) + 1, '.')
    if (dice < 990) return ' '.padEnd(random.below(5000) + 1, '.')
    if (dice < 998) return ' '.padEnd(random.below(60_000) + 1, '.')
    return ' '.padEnd(random.below(600_000) + 1, '.')
  }

  private publish(session: Session, index: number, subject: string, filler: string): void {
    const number = session.log.push(index) - 1
    this.report.published++
    // Runs of equal control lines want payloads of equal length.
    const payload = `${session.id} ${String(number).padStart(7, '0')}${filler}`
    if (session.headers && number % 11 === 0) {
      session.client.send(`HPUB ${subject} 12 ${12 + payload.length}\r\nNATS/1.0\r\n\r\n${payload}\r\n`)
    } else session.client.send(`PUB ${subject} ${payload.length}\r\n${payload}\r\n`)
  }

  // ── Subscriptions ─────────────────────────────────────────────────────────────────────────────────────

  private async subscribe(owner: Session, filter: number, group: Subscription['group'], max: number): Promise<void> {
    const sid = String(++this.nextSid)
    const subscription: Subscription = {
      sid,
      filter,
      owner,
      group,
      max,
      delivered: 0,
      from: undefined,
      next: new Map(),
      left: undefined,
    }
    owner.subscriptions.set(sid, subscription)
    this.report.subscriptions++
    if (group === '') this.plainCount++
    const limit = max > 0 ? `UNSUB ${sid} ${max}\r\n` : ''
    owner.client.send(`SUB ${FILTERS[filter]} ${group === '' ? '' : `${group} `}${sid}\r\n${limit}PING\r\n`)
    await new Promise<void>((resolve) => {
      owner.pongs.push(() => {
        // In this very event: whatever is written from now on must arrive.
        subscription.from = new Map([...this.sessions.values()].map((session) => [session.id, session.log.length]))
        resolve()
      })
    })
  }

  private async subscribeSomething(): Promise<void> {
    if (this.plainCount >= SUBSCRIPTIONS_MAX) return
    const { random } = this
    const max = random.chance(0.1) ? 1 + random.below(500) : 0
    await this.subscribe(random.pick(this.live), random.below(FILTERS.length), '', max)
  }

  private async unsubscribeSomething(behindFence: boolean): Promise<void> {
    const owner = this.random.pick(this.live)
    const plain = [...owner.subscriptions.values()].filter(({ group, left }) => group === '' && left === undefined)
    if (plain.length > 0) await this.unsubscribe(this.random.pick(plain), behindFence)
  }

  private unsubscribe(subscription: Subscription, behindFence: boolean): Promise<void> {
    subscription.left ??= this.leave(subscription, behindFence)
    return subscription.left
  }

  private async leave(subscription: Subscription, behindFence: boolean): Promise<void> {
    const { owner, sid } = subscription
    if (behindFence) {
      await this.fenceTo(owner, (session, length) => this.mustHave(subscription, session, length))
      if (owner.ended) return
    }
    owner.client.send(`UNSUB ${sid}\r\nPING\r\n`)
    await new Promise<void>((resolve) => {
      owner.pongs.push(() => {
        // From here on its sid is unknown, and a message for it is a fault.
        if (owner.subscriptions.delete(sid) && subscription.group === '') this.plainCount--
        resolve()
      })
    })
  }

  private async changeQueues(): Promise<void> {
    const { random } = this
    const owner = this.live[1 + random.below(this.live.length - 1)]
    const group = random.chance(0.5) ? 'firm' : 'frail'
    const mine = [...owner.subscriptions.values()].filter((s) => s.group === group && s.left === undefined)
    if (mine.length > 0) await this.unsubscribe(random.pick(mine), false)
    else
      await this.subscribe(
        owner,
        FILTERS.indexOf(group === 'firm' ? FIRM_FILTER : random.pick(FRAIL_FILTERS)),
        group,
        0,
      )
  }

  // ── Fences ────────────────────────────────────────────────────────────────────────────────────────────

  /** Every live session publishes a fence to `to`; `then` is told, as it arrives, how long the session's log was. */
  private async fenceTo(to: Session, then: (session: Session, length: number) => void): Promise<void> {
    await Promise.all(this.live.filter((session) => !session.ended).map((session) => this.fence(session, to, then)))
  }

  /** `from` publishes a fence to every live session. */
  private async fenceFrom(from: Session): Promise<void> {
    await Promise.all(this.live.filter((session) => !session.ended).map((to) => this.fence(from, to, () => undefined)))
  }

  private fence(from: Session, to: Session, then: (session: Session, length: number) => void): Promise<void> {
    const length = from.log.length
    const subject = `fence.${to.id}.${++this.nextFence}`
    this.publish(from, FENCE, subject, '')
    return new Promise((resolve) => {
      to.fences.set(subject, () => {
        if (!to.ended) then(from, length)
        resolve()
      })
      // A session that is dropped may take its fences with it; one that arrives all the same is no fault.
      from.onEnd.push(() => {
        if (!to.fences.has(subject)) return
        to.fences.set(subject, () => undefined)
        resolve()
      })
      if (to.ended) resolve()
    })
  }

  /** The subscription must have had everything of a session up to `length`. */
  private mustHave(subscription: Subscription, session: Session, length: number): void {
    // Before the PONG behind its SUB nothing is owed to it.
    if (subscription.group !== '' || subscription.from === undefined || this.isFull(subscription)) return
    const next = Math.max(subscription.next.get(session.id) ?? 0, subscription.from.get(session.id) ?? 0)
    const missing = this.firstMatch(subscription, session, next, length)
    if (missing >= 0)
      this.fault(this.words(subscription, session, `lacks ${missing}, and a fence after ${length} has come`))
  }

  private isFull({ max, delivered }: Subscription): boolean {
    return max > 0 && delivered >= max
  }

  private firstMatch(subscription: Subscription, session: Session, from: number, to: number): number {
    const matches = matchTable[subscription.filter]
    for (let number = from; number < to; number++) if (matches[session.log[number]]) return number
    return -1
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────────────

  private hear(owner: Session, message: Message): void {
    if (message.sid === 'fence') {
      const resume = owner.fences.get(message.subject)
      if (resume === undefined) {
        if (!owner.ended) this.fault(`session ${owner.id}: fence ${message.subject} came twice, or uninvited`)
        return
      }
      owner.fences.delete(message.subject)
      resume()
      return
    }
    const [id, text] = message.payload.toString('latin1', 0, 40).split(' ')
    const session = this.sessions.get(Number(id))
    const number = Number.parseInt(text, 10)
    const subscription = owner.subscriptions.get(message.sid)
    if (subscription === undefined) {
      if (!owner.ended) this.fault(`session ${owner.id}: message for sid ${message.sid}, which is not subscribed`)
      return
    }
    if (session === undefined || SUBJECTS[session.log[number]] !== message.subject) {
      this.fault(`session ${owner.id}: ${message.subject} number ${text} of session ${id} was never published`)
      return
    }
    if (!matchTable[subscription.filter][session.log[number]]) {
      this.fault(this.words(subscription, session, `got ${number} on ${message.subject}, which does not match`))
      return
    }
    if (subscription.group === '') this.hearPlain(subscription, session, number)
    else this.hearQueue(subscription, session, number, message.subject)
  }

  private hearPlain(subscription: Subscription, session: Session, number: number): void {
    this.report.plainDeliveries++
    subscription.delivered++
    if (subscription.max > 0 && subscription.from !== undefined && subscription.delivered > subscription.max) {
      this.fault(this.words(subscription, session, `got more than its max of ${subscription.max}`))
    }
    const next = subscription.next.get(session.id) ?? 0
    if (number < next) {
      this.fault(this.words(subscription, session, `got ${number} again or too late, expected ${next} or more`))
    }
    // What was written before the PONG may have come or not.
    const from = subscription.from === undefined ? number : (subscription.from.get(session.id) ?? 0)
    const missing = this.firstMatch(subscription, session, Math.max(from, next), number)
    if (missing >= 0) this.fault(this.words(subscription, session, `got ${number}, but lacks ${missing}`))
    else if (next > 0 && this.firstMatch(subscription, session, next, number) >= 0) this.report.earlyHoles++
    subscription.next.set(session.id, number + 1)
  }

  private hearQueue(subscription: Subscription, session: Session, number: number, subject: string): void {
    this.report.queueDeliveries++
    const group = subscription.group as 'firm' | 'frail'
    const latest = subscription.owner.queueOrder.get(group) as Map<number, number>
    if (number > (latest.get(session.id) ?? -1)) latest.set(session.id, number)
    else if (group === 'frail') this.report.queueDetours++
    else this.fault(this.words(subscription, session, `got ${number} behind ${latest.get(session.id)}`))
    if (group === 'frail' && !subject.startsWith(FRAIL_PREFIX)) return
    const all = group === 'firm' ? this.firm : this.frail
    let times = all.get(session.id)
    if (times === undefined || times.length <= number) {
      const grown = new Uint8Array(Math.max(1024, 2 * (number + 1)))
      if (times !== undefined) grown.set(times)
      times = grown
      all.set(session.id, times)
    }
    if (++times[number] > 1)
      this.fault(`group ${group}: ${subject} number ${number} of session ${session.id} came twice`)
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  /** Lets work go on beside the loop. */
  private start(task: Promise<void>): void {
    this.tasks.add(task)
    task.then(
      () => this.tasks.delete(task),
      (error: unknown) => this.fault(String(error)),
    )
  }

  private async barrier(): Promise<void> {
    await this.orFault('a barrier', Promise.all(this.live.map((session) => this.ping(session))))
  }

  /** Waits, but not for ever, and not when something is already known to be wrong. */
  private async orFault(what: string, work: Promise<unknown>): Promise<void> {
    let done = false
    work.then(
      () => {
        done = true
      },
      (error: unknown) => this.fault(String(error)),
    )
    await until(what, () => done || this.report.faults.length > 0, 60_000).catch((error: unknown) => {
      this.fault(String(error))
    })
  }

  private async finish(): Promise<void> {
    await this.orFault('the last changes', Promise.all(this.tasks))
    if (this.report.faults.length === 0) {
      await this.orFault(
        'the last fences',
        Promise.all(
          this.live.map((to) =>
            this.fenceTo(to, (session, length) => {
              for (const subscription of to.subscriptions.values()) this.mustHave(subscription, session, length)
            }),
          ),
        ),
      )
    }
    // A message whose member had gone takes a detour that no fence follows.
    await until('the firm group', () => this.missingOfFirm() === undefined, 5000).catch(() => {
      this.fault(this.missingOfFirm() ?? '')
    })
    for (const session of this.live) {
      session.ended = true
      await session.client.close()
    }
  }

  /** Every message of the firm group's subjects has come, from those sessions that are still here. */
  private missingOfFirm(): string | undefined {
    const filter = FILTERS.indexOf(FIRM_FILTER)
    for (const session of this.live) {
      const times = this.firm.get(session.id)
      for (let number = this.firmSince.get(session.id) ?? 0; number < session.log.length; number++) {
        if (!matchTable[filter][session.log[number]]) continue
        if (times?.[number] !== 1) return `group firm: number ${number} of session ${session.id} never came`
      }
    }
    return undefined
  }

  private words(subscription: Subscription, session: Session, what: string): string {
    const { sid, filter, owner } = subscription
    return `sid ${sid} of session ${owner.id} on ${FILTERS[filter]}, from session ${session.id}: ${what}`
  }

  private fault(text: string): void {
    if (this.report.faults.length < 20) this.report.faults.push(text)
  }
}

export function words(report: SoakReport): string {
  return (
    `${report.published} published, ${report.plainDeliveries} + ${report.queueDeliveries} (queues) delivered, ` +
    `${report.subscriptions} subscriptions, ${report.connections} connections, ${report.queueDetours} queue detours, ` +
    `${report.earlyHoles} early holes`
  )
}
