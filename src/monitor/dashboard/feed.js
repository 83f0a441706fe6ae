// What the server says every second, kept for ten minutes, and the rates that follow from it.

import { getJson } from './format.js'

const POLL_MS = 1000
const SAMPLES_MAX = 600
const LATENCY_POLLS = 10

export class Feed {
  samples = []
  /** The latest answer. */
  latest = undefined
  /** When it came, on performance.now()'s clock. */
  heardAt = 0
  failing = false
  previousShards = []
  latencyHistory = []
  listeners = []

  onUpdate(listener) {
    this.listeners.push(listener)
  }

  start() {
    const poll = async () => {
      if (!document.hidden) await this.poll()
      setTimeout(poll, POLL_MS)
    }
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.poll()
    })
    void poll()
  }

  async poll() {
    try {
      const since = this.samples.at(-1)?.number ?? 0
      const answer = await getJson(`./dashboard.json?since=${since}`, AbortSignal.timeout(8000))
      if (this.latest !== undefined && this.latest.server.id !== answer.server.id) {
        // Another server answers: it has a history of its own.
        this.samples = []
        this.latest = undefined
        return
      }
      this.take(answer)
      this.failing = false
    } catch {
      this.failing = true
    }
    for (const listener of this.listeners) listener(this)
  }

  take(answer) {
    const last = this.samples.at(-1)?.number ?? 0
    for (const sample of answer.samples) if (sample.number > last) this.samples.push(sample)
    this.samples.splice(0, this.samples.length - SAMPLES_MAX)
    this.shardRates(answer)
    this.latest = answer
    this.heardAt = performance.now()
  }

  /** Adds to each shard and flow how much a second it was since the sample before. */
  shardRates(answer) {
    const before = this.latest
    const span = before === undefined ? 0 : (answer.sampled_at - before.sampled_at) / 1000
    // Where nothing was counted anew, what was said still holds.
    const perSecond = (now, then, held = 0) => (span > 0 && now >= then ? (now - then) / span : span === 0 ? held : 0)
    for (const shard of answer.shards) {
      const old = before?.shards[shard.shard]
      shard.inRate = perSecond(shard.in_msgs, old?.in_msgs, old?.inRate)
      shard.outRate = perSecond(shard.out_msgs, old?.out_msgs, old?.outRate)
    }
    for (const flow of answer.flows) {
      const old = before?.flows.find(({ from, to }) => from === flow.from && to === flow.to)
      flow.messageRate = perSecond(flow.sentMessages, old?.sentMessages, old?.messageRate)
      flow.byteRate = perSecond(flow.sentBytes, old?.sentBytes, old?.byteRate)
    }
    this.latencyHistory.push(answer.shards.map(({ latency }) => latency?.buckets))
    this.latencyHistory.splice(0, this.latencyHistory.length - LATENCY_POLLS)
  }

  /** The latency that a share of a shard's messages of the last seconds stayed below; undefined if none came. */
  latency(shard, share) {
    const now = this.latencyHistory.at(-1)?.[shard]
    const then = this.latencyHistory[0]?.[shard]
    if (now === undefined || then === undefined) return undefined
    const counts = now.map((value, bucket) => value - then[bucket])
    const total = counts.reduce((sum, value) => sum + value, 0)
    if (!(total > 0) || counts.some((value) => value < 0)) return undefined
    const bounds = this.latest.latency_bounds_s
    let left = total * share
    for (const [bucket, value] of counts.entries()) {
      if (left <= value && value > 0) {
        const low = bucket === 0 ? 0 : bounds[bucket - 1]
        const high = bounds[bucket] ?? bounds.at(-1)
        return low + (high - low) * (left / value)
      }
      left -= value
    }
    return bounds.at(-1)
  }

  /** One number a sample: how much a second a counter went up since the sample before. */
  rates(member) {
    const points = []
    for (let i = 1; i < this.samples.length; i++) {
      const [a, b] = [this.samples[i - 1], this.samples[i]]
      const span = (b.at - a.at) / 1000
      points.push({ at: b.at, value: span > 0 ? Math.max(0, b[member] - a[member]) / span : 0 })
    }
    return points
  }
}
