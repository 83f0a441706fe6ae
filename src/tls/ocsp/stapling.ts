// Staples for the server's certificates (docs/reference/tls.md, "OCSP staples"): on the primary, an answer of the OCSP
// responder is fetched before clients are served and kept fresh from then on; the shards have it in their TLS settings,
// and send it to clients that request it in their handshakes.
//
//     responder ─▶ Stapling.prepare() ─▶ TlsSettings.staple ─▶ shards ─▶ handshake
//         ▲  half of the time to the next news      ▲
//         └──────────── check() ────────────────────┘

import { X509Certificate } from 'node:crypto'
import {
  OCSP_CHECK_LATE_MS,
  OCSP_CHECK_MIN_MS,
  OCSP_CHECK_MS,
  OCSP_FETCH_MS,
  TIMER_MAX_MS,
} from '../../base/constants.ts'
import { durationText } from '../../base/duration.ts'
import { bugText } from '../../base/errors.ts'
import { guarded } from '../../base/guarded.ts'
import type { Options } from '../../options/options.ts'
import type { OcspOptions } from '../../options/shapes.ts'
import type { TlsOfPorts, TlsSettings } from '../tls-settings.ts'
import { mustStaple, respondersOf } from './message.ts'
import { askResponders, type OcspAnswer, type OcspQuestion, whyNotCurrent } from './responder.ts'

export interface StaplingObserver {
  readonly info: (text: string) => void
  readonly warn: (text: string) => void
  readonly error: (text: string) => void
  /** There is a new staple, in Stapling.tls. */
  changed(): void
  /** A certificate is not good any more, and the server is to end then. */
  revoked(): void
}

/** TLS settings with their staples, and what is to be done when they come into force. */
export interface PreparedTls {
  readonly tls: TlsOfPorts
  readonly commit: () => void
}

type Port = keyof TlsOfPorts

/** A certificate that is to be stapled. */
interface Stapled {
  readonly question: OcspQuestion
  /** Name of its file, for the log. */
  readonly file: string
  /** The server ends when it is not good any more. */
  readonly isEnd: boolean
  answer: OcspAnswer
}

export class Stapling {
  private readonly observer: StaplingObserver
  /** The settings in force, with the latest staples. */
  tls: TlsOfPorts = {}
  private readonly timers = new Map<Port, NodeJS.Timeout>()
  /** Those in force; an answer that was asked for before counts for nothing. */
  private current: readonly Stapled[] = []

  constructor(observer: StaplingObserver) {
    this.observer = observer
  }

  /** Fetches the staples that the options ask for. Rejects with the text with which the server does not start. */
  async prepare(tls: TlsOfPorts, options: Options): Promise<PreparedTls> {
    const files: Readonly<Record<Port, string | undefined>> = {
      client: options.tls?.certificates[0]?.certFile,
      webSocket: options.websocket?.tls?.certificates[0]?.certFile,
      http: options.httpGateway?.tls?.certificates[0]?.certFile,
      leaf: options.leafnodes?.tls?.certificates[0]?.certFile,
      cluster: options.cluster?.tls?.certificates[0]?.certFile,
    }
    let prepared = tls
    const all: [Port, Stapled][] = []
    for (const port of ['client', 'webSocket', 'http', 'leaf', 'cluster'] as const) {
      const settings = tls[port]
      const stapled = settings && (await this.fetchFirst(settings, files[port] ?? '', options.ocsp))
      if (stapled === undefined) continue
      all.push([port, stapled])
      prepared = withStaple(prepared, port, stapled)
    }
    return { tls: prepared, commit: () => this.begin(prepared, all) }
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.timers.clear()
    this.current = []
  }

  private async fetchFirst(
    settings: TlsSettings,
    file: string,
    options: OcspOptions | undefined,
  ): Promise<Stapled | undefined> {
    const [pair] = settings.pairs
    if (pair === undefined) return undefined
    const chain = certificatesOf(pair.cert)
    const [certificate] = chain
    const demands = mustStaple(certificate)
    const mode = options?.mode ?? 'auto'
    if (mode === 'never' && demands) {
      this.observer.warn(`Certificate at '${file}' has MustStaple but OCSP is disabled`)
    }
    if (mode === 'never' || (mode !== 'always' && !demands)) return undefined
    const issuer = issuerOf(chain, settings.authorities ?? [])
    if (issuer === undefined) throw new Error('no issuers found')
    const urls = options !== undefined && options.urls.length > 0 ? options.urls : respondersOf(certificate)
    const question: OcspQuestion = { certificate, issuer, urls, timeoutMs: OCSP_FETCH_MS, methods: ['POST', 'GET'] }
    const isEnd = options !== undefined && mode !== 'auto'
    const known = this.answerAbout(certificate)
    const answer =
      known ??
      (await ask(question).catch((error: Error) => {
        throw new Error(`bad OCSP status update for certificate at '${file}': ${error.message}`)
      }))
    if (answer.status !== 'good' && isEnd) {
      throw new Error(`found existing OCSP status for certificate at '${file}': ${answer.status}`)
    }
    return { question, file, isEnd, answer }
  }

  /** A reload does not have to wait for news of a certificate that is known to be good. */
  private answerAbout({ raw }: X509Certificate): OcspAnswer | undefined {
    const { answer } = this.current.find(({ question }) => question.certificate.raw.equals(raw)) ?? {}
    return answer?.status === 'good' && whyNotCurrent(answer, Date.now()) === undefined ? answer : undefined
  }

  private begin(tls: TlsOfPorts, all: readonly (readonly [Port, Stapled])[]): void {
    this.close()
    this.tls = tls
    this.current = all.map(([, stapled]) => stapled)
    for (const [port, stapled] of all) {
      this.observer.info('OCSP Stapling enabled for Client connections')
      if (stapled.answer.status === 'good') this.observer.info(this.goodNews('Found', ' at', stapled))
      this.plan(port, stapled)
    }
  }

  private plan(port: Port, stapled: Stapled): void {
    this.timers.set(
      port,
      setTimeout(
        guarded(
          (error) => this.observer.error(bugText(error)),
          () => this.check(port, stapled),
        ),
        Math.min(delayMs(stapled.answer), TIMER_MAX_MS),
      ),
    )
  }

  private async check(port: Port, stapled: Stapled): Promise<void> {
    const { file, isEnd } = stapled
    const answer = await ask(stapled.question).catch((error: Error) => error)
    if (!this.current.includes(stapled)) return
    if (answer instanceof Error) {
      const again = durationText(Math.round(delayMs(stapled.answer)))
      this.observer.error(
        `Bad OCSP status update for certificate '${file}': ${answer.message}, trying again in ${again}`,
      )
      this.plan(port, stapled)
      return
    }
    stapled.answer = answer
    this.tls = withStaple(this.tls, port, stapled)
    this.observer.changed()
    if (answer.status === 'good') {
      this.observer.info(this.goodNews('Received', '', stapled))
      this.plan(port, stapled)
      return
    }
    // Nothing makes it good again: the responder is not asked any more.
    this.observer.error(`Received OCSP status for Client certificate '${file}': ${answer.status}`)
    if (isEnd) this.observer.revoked()
  }

  private goodNews(how: 'Found' | 'Received', at: string, { file, answer }: Stapled): string {
    const next = answer.nextUpdateMs === undefined ? '0001-01-01T00:00:00Z' : instantText(answer.nextUpdateMs)
    const again = durationText(Math.round(delayMs(answer)))
    const news = `good, next update ${next}, checking again in ${again}`
    return `${how} OCSP status for Client certificate${at} '${file}': ${news}`
  }
}

/** Rejects where there is no answer, or none for now. */
async function ask(question: OcspQuestion): Promise<OcspAnswer> {
  const answer = await askResponders(question)
  const wrong = whyNotCurrent(answer, Date.now())
  if (wrong !== undefined) throw new Error(wrong)
  return answer
}

function withStaple(tls: TlsOfPorts, port: Port, { question, answer }: Stapled): TlsOfPorts {
  const settings = tls[port]
  if (settings === undefined) return tls
  const staple = {
    certificate: question.certificate.raw,
    response: answer.raw,
    validUntilMs: answer.nextUpdateMs,
  }
  return { ...tls, [port]: { ...settings, staple } }
}

function delayMs({ nextUpdateMs }: OcspAnswer): number {
  if (nextUpdateMs === undefined) return OCSP_CHECK_MS
  const left = nextUpdateMs - Date.now()
  return left < 0 ? OCSP_CHECK_LATE_MS : Math.max(left / 2, OCSP_CHECK_MIN_MS)
}

const instantText = (ms: number): string => new Date(ms).toISOString().replace('.000', '')

function certificatesOf(pem: string): X509Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].map(
    ([block]) => new X509Certificate(block),
  )
}

/** The next in the file if there is one, or else one of the authorities. */
function issuerOf([certificate, next]: readonly X509Certificate[], authorities: readonly string[]) {
  const candidates = next === undefined ? authorities.flatMap(certificatesOf) : [next]
  return candidates.find((one) => one.ca && certificate.checkIssued(one) && certificate.verify(one.publicKey))
}
