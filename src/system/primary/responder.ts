// Answers requests to the server itself, on the primary thread: what shards have taken (shard-system.ts) becomes a page
// (src/monitor/), a number or an order, and goes back as an envelope (docs/reference/system-account.md, "Services"):
//
//     { server, data }    { server, error: { code, description } }    nothing, if the filter means other servers
//
// Whatever a request contains, answering it neither throws nor takes more than its share: a few are processed at once.

import { SYSTEM_REQUESTS_AT_ONCE } from '../../base/constants.ts'
import { bugText } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import { writeJson } from '../../monitor/json-writer.ts'
import { SilentShards } from '../../monitor/sources/shard-reports.ts'
import type { SystemAnswer, SystemRequest } from '../contract.ts'
import { encodeJson } from '../server-info.ts'
import { encodeAnswer } from './compression.ts'
import type { DeskOwner } from './owner.ts'
import { type RequestOptions, readBody } from './request-options.ts'
import type { Reply } from './service.ts'
import { SERVICES } from './service-table.ts'

export class SystemResponder {
  private readonly system: DeskOwner
  private underway = 0
  private readonly waiting: (() => void)[] = []

  constructor(system: DeskOwner) {
    this.system = system
  }

  /** Undefined: there is nothing to be said. Never rejects. */
  async answer(request: SystemRequest): Promise<SystemAnswer | undefined> {
    if (this.underway < SYSTEM_REQUESTS_AT_ONCE) this.underway++
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await this.work(request).catch((error: unknown) => this.tellOfSilence(error))
    } catch (error) {
      this.system.server.log.error(
        `Error answering the system account's request ${request.service.name}: ${bugText(error)}`,
      )
      return undefined
    } finally {
      // The longest waiting request takes the place.
      const next = this.waiting.shift()
      if (next === undefined) this.underway--
      else next()
    }
  }

  /** Throws again what is a bug. */
  private tellOfSilence(error: unknown): Promise<SystemAnswer> {
    if (!(error instanceof SilentShards)) throw error
    return this.envelope({ error: { code: 503, description: error.message } }, '')
  }

  private async work(request: SystemRequest): Promise<SystemAnswer | undefined> {
    const { system } = this
    const entry = SERVICES[request.service.name]
    if (!request.hasReply && entry.worksUnheard === undefined) return undefined
    const options = readBody(entry.isRaw ? new Uint8Array(0) : request.body, entry.shape)
    if ('wrong' in options) return this.envelope({ error: { code: 400, description: options.wrong } }, '')
    if (!this.isMeant(options)) return undefined
    const reply = await entry.answer({ request, options, context: await system.context(), system })
    if (reply === undefined || !request.hasReply) return undefined
    if ('bare' in reply) return { headers: {}, payloads: [encodeJson(reply.bare)] }
    if ('texts' in reply) return { headers: {}, payloads: reply.texts.map((text) => Buffer.from(text)) }
    return this.envelope(reply, reply.error === undefined ? request.acceptEncoding : '')
  }

  private async envelope({ data, error }: Extract<Reply, { data?: Json }>, accepted: string): Promise<SystemAnswer> {
    const pieces = await writeJson(this.system.signed({ data, error }), 0)
    return encodeAnswer(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), accepted)
  }

  /** Whether the filter of a request lets this server answer. */
  private isMeant(options: RequestOptions): boolean {
    const { identity, options: own } = this.system.server
    const isExact = options.is('exact_match')
    const fits = (name: string, value: string): boolean => {
      const wanted = options.text(name)
      return wanted === '' || (isExact ? value === wanted : value.includes(wanted))
    }
    return (
      fits('server_name', identity.serverName) &&
      fits('host', identity.host) &&
      fits('cluster', identity.cluster?.name ?? '') &&
      (options.text('domain') === '' || options.text('domain') === own.jetstream?.domain) &&
      options.texts('tags').every((tag) => own.serverTags.some((one) => one.toLowerCase() === tag.toLowerCase()))
    )
  }
}
