// Copies of stored messages, which a stream publishes under other subjects; and the headers that say where a stored
// message comes from, in copies and in answers to direct requests.

import { byteString } from '../subjects/byte-string.ts'
import { isPublishSubject } from '../subjects/filter.ts'
import { compileTransform, type Transform } from '../subjects/transform.ts'
import { timeText } from './clock.ts'
import { Header, withHeaders } from './message-headers.ts'
import { isReservedDestination } from './reserved.ts'
import type { Sender } from './sender.ts'
import type { StreamConfig } from './stream-config.ts'

const NOTHING = Buffer.alloc(0)

/** A message as it was stored. */
interface Stored {
  readonly seq: number
  readonly subject: Buffer
  readonly block: Buffer
  readonly payload: Buffer
  readonly timeUs: number
  /** The message before it on its subject; 0: there was none. */
  readonly lastOfSubject: number
}

export class Republishing {
  private readonly stream: { readonly config: StreamConfig; readonly sender: Pick<Sender, 'send'> }
  private transform: Transform | undefined

  constructor(stream: { readonly config: StreamConfig; readonly sender: Pick<Sender, 'send'> }) {
    this.stream = stream
  }

  get isOn(): boolean {
    return this.transform !== undefined
  }

  reconfigured(): void {
    this.transform = transformOf(this.stream.config.republish)
  }

  /** Publishes a copy, where the configuration says so. */
  stored({ block, lastOfSubject, payload, seq, subject, timeUs }: Stored): void {
    const { config, sender } = this.stream
    if (this.transform === undefined) return
    const from = subject.toString('latin1')
    const tokens = from.split('.')
    if (!this.transform.matches(tokens)) return
    const to = this.transform.apply(tokens)
    if (!isPublishSubject(to) || isReservedDestination(to)) return
    const isHeadersOnly = config.republish?.headers_only === true
    const size = isHeadersOnly ? payload.length : undefined
    const more = republished(byteString(config.name), from, seq, timeUs, lastOfSubject, size)
    sender.send(to, isHeadersOnly ? NOTHING : payload, withHeaders(block, more))
  }
}

/** What a configuration maps subjects by; undefined: nothing. */
export function transformOf(mapping: StreamConfig['subject_transform']): Transform | undefined {
  if (mapping === undefined) return undefined
  const compiled = compileTransform(byteString(mapping.src), byteString(mapping.dest === '' ? '>' : mapping.dest))
  return 'error' in compiled ? undefined : compiled
}

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
