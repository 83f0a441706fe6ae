// What a message says of a schedule: that it is one, or that another one has made it.

import { byteString } from '../../subjects/byte-string.ts'
import { isPublishSubject, overlap } from '../../subjects/filter.ts'
import { type ApiError, apiError } from '../errors.ts'
import { Header, type Headers, headerBlock, withHeaders, withoutHeaders } from '../message-headers.ts'
import { readTtl } from '../message-ttl.ts'
import type { StreamConfig } from '../stream-config.ts'
import { type Pattern, readPattern } from './pattern.ts'
import { TimeZone } from './time-zone.ts'

/** The value of Nats-Schedule-Next that ends a schedule. */
export const PURGE = 'purge'
/** Headers that a message is made without: those of its schedule, and those that could keep it from being stored. */
const NOT_MADE = /^Nats-(?:Schedule|Expected-|Msg-Id$|TTL$|Rollup$)/

/** A subject that a header names, as a byte string; empty: it names none. */
export function subjectIn(headers: Headers, name: string): string {
  return byteString(headers.get(name) ?? '')
}

/** The pattern of a message that is a schedule; undefined: it is none; an error: it says something wrong. */
export function patternOf(headers: Headers, nowUs: number): Pattern | ApiError | undefined {
  const zoneName = headers.get(Header.scheduleZone)
  const zone = zoneName === undefined ? undefined : TimeZone.named(zoneName)
  if (zoneName !== undefined && zone === undefined) return apiError(10223)
  const text = headers.get(Header.schedule) ?? ''
  if (text === '') return undefined
  const pattern = readPattern(text, zone)
  return pattern?.next(nowUs, nowUs) === undefined ? apiError(10189) : pattern
}

/**
 * What is wrong with what a publisher says of schedules. Subjects are byte strings. `isSchedule`: whether the last
 * message of a subject is one, or there is none.
 */
export function checkSchedule(
  config: StreamConfig,
  headers: Headers,
  subject: string,
  nowUs: number,
  isSchedule: (subject: string) => boolean,
): ApiError | undefined {
  const pattern = patternOf(headers, nowUs)
  if (pattern !== undefined) {
    if (!config.allow_msg_schedules) return apiError(10188)
    const wrong = 'err_code' in pattern ? pattern : checkDetails(config, headers, subject)
    if (wrong !== undefined) return wrong
  }
  const next = headers.get(Header.scheduleNext) ?? ''
  const scheduler = subjectIn(headers, Header.scheduler)
  if (next === '') return scheduler === '' ? undefined : apiError(10212)
  const isOther = scheduler !== '' && scheduler !== subject && isPublishSubject(scheduler)
  if (next !== PURGE || !isOther) return apiError(10212)
  if (!config.allow_msg_schedules) return apiError(10188)
  return isSchedule(scheduler) ? undefined : apiError(10212)
}

function checkDetails(config: StreamConfig, headers: Headers, subject: string): ApiError | undefined {
  const ttl = headers.get(Header.scheduleTtl) ?? ''
  if (ttl !== '' && readTtl(ttl) === undefined) return apiError(10191)
  const rollup = headers.get(Header.scheduleRollup) ?? ''
  if (rollup !== '' && rollup !== 'sub') return apiError(10192)
  if (ttl !== '' && !config.allow_msg_ttl) return apiError(10166)
  const target = subjectIn(headers, Header.scheduleTarget)
  const source = subjectIn(headers, Header.scheduleSource)
  const isIn = (each: string): boolean => config.subjects.some((own) => overlap(byteString(own), each))
  if (target === subject || !isPublishSubject(target)) return apiError(10190)
  const isClear = source !== target && source !== subject && isPublishSubject(source)
  if (source !== '' && !isClear) return apiError(10203)
  if (!isIn(target)) return apiError(10190)
  if (source !== '' && !isIn(source)) return apiError(10203)
  const own = headers.get(Header.rollup) ?? ''
  return own === '' || own.toLowerCase() === 'sub' ? undefined : apiError(10192)
}

/** The header block of a message that a schedule makes of a stored one. `next`: when it does so again, or PURGE. */
export function madeBlock(stored: Buffer, schedule: Headers, scheduler: string, next: string): Buffer {
  const kept = stored.length === 0 ? stored : withoutHeaders(stored, (name) => NOT_MADE.test(name))
  const lines: [string, string][] = [
    [Header.scheduler, scheduler],
    [Header.scheduleNext, next],
  ]
  const ttl = schedule.get(Header.scheduleTtl) ?? ''
  const rollup = schedule.get(Header.scheduleRollup) ?? ''
  if (ttl !== '') lines.push([Header.ttl, ttl])
  if (rollup !== '') lines.push([Header.rollup, rollup])
  return kept.length === 0 ? headerBlock(lines) : withHeaders(kept, lines)
}
