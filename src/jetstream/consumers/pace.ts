// When the messages of a consumer may leave: not during a pause, no faster than the rate limit lets them, and, where
// they are replayed as they came, as long after each other as then.

import { nowMs } from '../clock.ts'
import type { ConsumerConfig } from './config.ts'

const US_PER_MS = 1000
/** Messages below this gap follow each other at once when they are replayed. */
const REPLAY_MIN_MS = 1

type PacedConfig = Pick<ConsumerConfig, 'pause_until' | 'replay_policy'>

export class Pace {
  /** Nothing is delivered until then; 0: there is no pause. */
  pausedUntilMs = 0
  /** The next message is held until then; 0: it is not. */
  private notBeforeMs = 0
  /** Messages up to `until` are replayed; `lastUs`: the time of the latest one that was. */
  private readonly replay: { until: number; lastUs: number } | undefined

  /** `last`: the last sequence of the stream, as it is now. */
  constructor(config: PacedConfig, last: number) {
    if (config.replay_policy === 'original') this.replay = { until: last, lastUs: 0 }
    this.configured(config)
  }

  configured({ pause_until: until }: PacedConfig): void {
    this.pausedUntilMs = until === '' ? 0 : Date.parse(until)
    if (!this.isPaused) this.pausedUntilMs = 0
  }

  get isPaused(): boolean {
    return this.pausedUntilMs > 0 && this.pausedUntilMs > nowMs()
  }

  /** Ends a pause whose time is over. Answers whether there was one. */
  resume(now: number): boolean {
    const isResumed = this.pausedUntilMs !== 0 && this.pausedUntilMs <= now
    if (isResumed) this.pausedUntilMs = 0
    return isResumed
  }

  /** When a message that may not leave now may; Infinity: none waits for a time. */
  get nextMs(): number {
    return Math.min(this.pausedUntilMs || Number.POSITIVE_INFINITY, this.notBeforeMs || Number.POSITIVE_INFINITY)
  }

  /** Whether a message may leave already. */
  lets({ seq, timeUs }: { readonly seq: number; readonly timeUs: number }, now: number): boolean {
    const { replay } = this
    if (replay !== undefined && this.notBeforeMs === 0 && seq <= replay.until && replay.lastUs > 0) {
      const gapMs = (timeUs - replay.lastUs) / US_PER_MS
      if (gapMs > REPLAY_MIN_MS) this.notBeforeMs = now + gapMs
    }
    return this.notBeforeMs <= now
  }

  /** The message that was held is sent now. */
  release(): void {
    this.notBeforeMs = 0
  }

  /** Nothing leaves before then. */
  holdUntil(ms: number): void {
    this.notBeforeMs = ms
  }

  /** A message has left, which was stored at `timeUs`. */
  left(timeUs: number): void {
    if (this.replay !== undefined) this.replay.lastUs = timeUs
  }
}
