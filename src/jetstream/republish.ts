// The headers that say of a stored message where it comes from: in copies that are published, and in answers to direct
// requests.

import { timeText } from './clock.ts'
import { Header } from './message-headers.ts'

type HeaderLine = readonly [name: string, value: string | number]

/** `subject`: byte string. `size`: of a payload that is left out. */
export function republished(
  stream: string,
  subject: string,
  seq: number,
  timeUs: number,
  lastOfSubject: number,
  size: number | undefined,
): HeaderLine[] {
  const lines: HeaderLine[] = [
    [Header.stream, stream],
    [Header.subject, subject],
    [Header.sequence, seq],
    [Header.timeStamp, timeText(timeUs)],
    [Header.lastSequence, lastOfSubject],
  ]
  if (size !== undefined) lines.push([Header.messageSize, size])
  return lines
}
