// The drop policy: messages for which a connection has no room are dropped, the oldest or the newest, instead of
// closing it as a slow consumer. Only connections with such a policy have this object; outbound.ts uses it.

import { DROP_QUIET_MS } from '../base/constants.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'

export type DropRule = Exclude<SlowConsumerPolicy, 'disconnect'>

export class DropPolicy {
  readonly policy: DropRule
  /** Told of messages that were dropped. */
  private readonly onDropped: (messages: number, beginsEpisode: boolean) => void
  private latestMs = 0
  /** Messages dropped since the connection fell behind; 0 = it keeps up. */
  private episode = 0

  constructor(policy: DropRule, onDropped: (messages: number, beginsEpisode: boolean) => void) {
    this.policy = policy
    this.onDropped = onDropped
  }

  dropped(messages: number, nowMs: number): void {
    if (messages === 0) return
    const isFirst = this.episode === 0
    this.episode += messages
    this.latestMs = nowMs
    this.onDropped(messages, isFirst)
  }

  /** How many messages the episode cost that is over by now, as none was dropped for a while; 0: none is over. */
  endOfEpisode(nowMs: number): number {
    const { episode } = this
    if (episode === 0 || nowMs - this.latestMs < DROP_QUIET_MS) return 0
    this.episode = 0
    return episode
  }
}
