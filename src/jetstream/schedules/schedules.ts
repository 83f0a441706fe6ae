// The schedules of a stream: messages that make the stream store others, at a time or again and again.
//
//     stored on S.schedule: Nats-Schedule: @every 1m, Nats-Schedule-Target: S.target
//        ─▶ each minute, stored on S.target: its payload, Nats-Scheduler: S.schedule, Nats-Schedule-Next: …
//
// A schedule is the last message of its subject. It ends when that is removed, or when another message comes there.
// What it has done is known from the messages that it made: so it goes on after a restart, and does nothing twice.

import { hasWildcard } from '../../subjects/filter.ts'
import { microseconds } from '../clock.ts'
import { Header, type Headers, readHeaders } from '../message-headers.ts'
import type { StoredMessage, StreamStore } from '../storage/store.ts'
import { SubjectFilter } from '../storage/subject-filter.ts'
import type { StreamConfig } from '../stream-config.ts'
import type { Pattern } from './pattern.ts'
import { madeBlock, PURGE, patternOf, subjectIn } from './schedule-headers.ts'
import type { Scheduled, ScheduleTimer } from './schedule-timer.ts'

/** When something that could not be stored is tried again. */
const RETRY_US = 1_000_000
const ALL = new SubjectFilter()

/** The stream, as far as its schedules need it. */
export interface ScheduledStream {
  readonly config: StreamConfig
  readonly store: StreamStore
  readonly closed: boolean
  readonly owner: { wake(): void }
  /** Stores a message that a schedule makes. Answers whether it could. */
  produce(subject: Buffer, headers: Buffer, payload: Buffer): boolean
  purge(filter: string, below: number, keep: number): number
}

interface Schedule extends Scheduled {
  /** Byte string. */
  readonly subject: string
  readonly seq: number
  dueUs: number
}

export class Schedules {
  private readonly stream: ScheduledStream
  private readonly timer: ScheduleTimer
  private readonly bySubject = new Map<string, Schedule>()
  private readonly bySeq = new Map<number, Schedule>()

  constructor(stream: ScheduledStream, timer: ScheduleTimer) {
    this.stream = stream
    this.timer = timer
  }

  get size(): number {
    return this.bySubject.size
  }

  /** Whether the last message of a subject (byte string) is a schedule, or there is none. */
  isSchedule(subject: string): boolean {
    const last = this.stream.store.subject(Buffer.from(subject, 'latin1'))?.last
    return last === undefined || this.bySubject.get(subject)?.seq === last
  }

  /** A message was stored: it may begin, go on with or end a schedule. */
  stored(seq: number, subject: Buffer, headers: Headers, timeUs: number): void {
    if (!this.stream.config.allow_msg_schedules) return
    const name = subject.toString('latin1')
    const scheduler = subjectIn(headers, Header.scheduler)
    const pattern = patternIn(headers, timeUs)
    const dueUs = pattern?.next(timeUs, timeUs)
    if (dueUs !== undefined && this.stream.store.has(seq)) this.set(name, seq, dueUs)
    else if (scheduler === '') this.drop(this.bySubject.get(name))
    const next = headers.get(Header.scheduleNext) ?? ''
    if (scheduler === '' || next === '') return
    if (next === PURGE) this.stream.purge(scheduler, 0, 0)
    else this.rearm(scheduler, next)
  }

  // ── Messages that go ──────────────────────────────────────────────────────────────────────────────────

  removed(seq: number): void {
    if (this.bySeq.size > 0) this.drop(this.bySeq.get(seq))
  }

  /** `filter`: byte string; empty: all. */
  purged(filter: string): void {
    if (this.size === 0) return
    const isOne = filter !== '' && !hasWildcard(filter)
    const schedules = isOne ? [this.bySubject.get(filter)] : [...this.bySubject.values()]
    for (const each of schedules) if (each !== undefined && !this.isCurrent(each)) this.drop(each)
  }

  close(): void {
    for (const each of [...this.bySubject.values()]) this.drop(each)
  }

  // ── After a restart ───────────────────────────────────────────────────────────────────────────────────

  /** Finds the schedules among the stored messages. */
  async recall(): Promise<void> {
    const { config, store } = this.stream
    if (!config.allow_msg_schedules) return
    const latest = [...store.subjects(ALL)].map(({ last }) => last)
    for (const seq of latest) {
      const message = await store.load(seq)
      if (message?.headers.includes(Header.schedule)) await this.recallOne(message)
    }
  }

  private async recallOne(message: StoredMessage): Promise<void> {
    const headers = readHeaders(message.headers)
    const pattern = patternIn(headers, this.timer.nowUs())
    if (pattern === undefined) return
    const subject = message.subject.toString('latin1')
    const made = await this.lastOn(subjectIn(headers, Header.scheduleTarget))
    const said = made === undefined || made.seq < message.seq ? undefined : readHeaders(made.headers)
    const isItsOwn = said !== undefined && subjectIn(said, Header.scheduler) === subject
    const next = isItsOwn ? (said.get(Header.scheduleNext) ?? '') : ''
    // It was done, but the end of the process came before the end of the schedule.
    if (next === PURGE) this.stream.purge(subject, 0, 0)
    else {
      const dueUs = next === '' ? pattern.next(message.timeUs, this.timer.nowUs()) : microseconds(next)
      if (dueUs !== undefined) this.set(subject, message.seq, dueUs)
    }
  }

  // ── Times ─────────────────────────────────────────────────────────────────────────────────────────────

  private set(subject: string, seq: number, dueUs: number): void {
    this.drop(this.bySubject.get(subject))
    const schedule: Schedule = {
      subject,
      seq,
      dueUs,
      bucket: undefined,
      place: 0,
      fire: () => this.fire(schedule),
    }
    this.bySubject.set(subject, schedule)
    this.bySeq.set(seq, schedule)
    this.timer.set(schedule, dueUs)
  }

  private rearm(subject: string, instant: string): void {
    const schedule = this.bySubject.get(subject)
    const dueUs = microseconds(instant)
    if (schedule === undefined || Number.isNaN(dueUs)) return
    schedule.dueUs = dueUs
    this.timer.set(schedule, dueUs)
  }

  private drop(schedule: Schedule | undefined): void {
    if (schedule === undefined) return
    this.timer.remove(schedule)
    this.bySubject.delete(schedule.subject)
    this.bySeq.delete(schedule.seq)
  }

  private isCurrent({ seq, subject }: Schedule): boolean {
    return this.stream.store.subject(Buffer.from(subject, 'latin1'))?.last === seq
  }

  /** Makes its message. Storing that says when the schedule comes next, or ends it. */
  private async fire(schedule: Schedule): Promise<void> {
    const { stream, timer } = this
    const message = await stream.store.load(schedule.seq)
    if (message === undefined) return this.drop(schedule)
    const headers = readHeaders(message.headers)
    const nowUs = timer.nowUs()
    const pattern = patternIn(headers, nowUs)
    const target = subjectIn(headers, Header.scheduleTarget)
    if (pattern === undefined || target === '') return this.drop(schedule)
    const content = (await this.lastOn(subjectIn(headers, Header.scheduleSource))) ?? message
    if (stream.closed || this.bySubject.get(schedule.subject) !== schedule) return undefined
    stream.owner.wake()
    const nextUs = pattern.repeats ? pattern.next(schedule.dueUs, nowUs) : undefined
    const next = nextUs === undefined ? PURGE : pattern.text(nextUs)
    const block = madeBlock(content.headers, headers, schedule.subject, next)
    if (!stream.produce(Buffer.from(target, 'latin1'), block, content.payload)) {
      timer.set(schedule, nextUs ?? nowUs + RETRY_US)
    }
    return undefined
  }

  private async lastOn(subject: string): Promise<StoredMessage | undefined> {
    const { store } = this.stream
    const last = subject === '' ? undefined : store.subject(Buffer.from(subject, 'latin1'))?.last
    return last === undefined ? undefined : store.load(last)
  }
}

/** The pattern of a message that is a schedule without a fault. */
function patternIn(headers: Headers, nowUs: number): Pattern | undefined {
  const pattern = patternOf(headers, nowUs)
  return pattern !== undefined && 'next' in pattern ? pattern : undefined
}
