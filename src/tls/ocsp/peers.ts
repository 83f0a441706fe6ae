// Revocation checks of client certificates (docs/reference/tls.md, "OCSP of client certificates"): each link of the
// chain that names an OCSP responder is checked. There is one for the server, on the primary, so that an answer serves
// all shards; they ask when a handshake is done, and admit the client only after that.

import { X509Certificate } from 'node:crypto'
import { OCSP_CACHED_MAX } from '../../base/constants.ts'
import type { OcspCacheOptions, OcspPeerOptions } from '../../options/shapes.ts'
import { OcspError, type OcspStatus, respondersOf } from './message.ts'
import { askResponders, UnreachableError } from './responder.ts'
import { loadAnswers, saveAnswers } from './store.ts'

const CA_TIMEOUT_MS = 2_000

/** The chain as OpenSSL has verified it, the client's own certificate first (DER). Never rejects. */
export type CheckPeer = (chain: readonly Uint8Array[], options: OcspPeerOptions) => Promise<boolean>

/** How often an answer was there already or had to be asked for, and the answers that are kept. */
export interface OcspCounts extends Record<OcspStatus['status'], number> {
  hits: number
  misses: number
}

/** A client is not let in, as a certificate of its chain is not good. */
export interface RefusedPeer {
  /** The client's own first, each signed by the next. */
  readonly chain: readonly X509Certificate[]
  /** Which of them is not good. */
  readonly link: number
  readonly why: string
}

export interface OcspObserver {
  warn(text: string): void
  refused(peer: RefusedPeer): void
}

export class OcspPeers {
  readonly counts: OcspCounts = { hits: 0, misses: 0, good: 0, revoked: 0, unknown: 0 }
  private readonly observer: OcspObserver
  private readonly cacheOptions: () => OcspCacheOptions | undefined
  /** By fingerprint, oldest first. */
  private readonly cache = new Map<string, OcspStatus>()
  /** Links that are being asked about. */
  private readonly underway = new Map<string, Promise<OcspStatus>>()

  /** The directory that the cache was loaded from. */
  private loadedFrom: string | undefined
  /** Set while the cache holds what the file does not. */
  private saver: NodeJS.Timeout | undefined

  constructor(observer: OcspObserver, cacheOptions: () => OcspCacheOptions | undefined) {
    this.observer = observer
    this.cacheOptions = cacheOptions
    this.load()
  }

  /** What is known is written down. */
  close(): void {
    if (this.saver !== undefined) this.save()
  }

  /** Takes in what is known from before, once for each directory that the options name. */
  private load(): void {
    const options = this.cacheOptions()
    if (options === undefined || options.type === 'none' || options.localStore === this.loadedFrom) return
    this.loadedFrom = options.localStore
    try {
      for (const [key, status] of loadAnswers(options.localStore)) if (!this.cache.has(key)) this.add(key, status)
    } catch (error) {
      this.observer.warn(`Unable to load OCSP peer cache: ${error instanceof Error ? error.message : error}`)
    }
  }

  private save(): void {
    clearTimeout(this.saver)
    this.saver = undefined
    const options = this.cacheOptions()
    if (options === undefined || options.type === 'none') return
    try {
      saveAnswers(options.localStore, this.cache)
    } catch (error) {
      this.observer.warn(`Unable to save OCSP peer cache: ${error instanceof Error ? error.message : error}`)
      this.saveLater(options)
    }
  }

  private saveLater({ saveInterval }: OcspCacheOptions): void {
    this.saver ??= setTimeout(() => this.save(), saveInterval).unref()
  }

  readonly check: CheckPeer = async (chain, options) => {
    this.load()
    try {
      const certificates = chain.map((bytes) => new X509Certificate(bytes))
      for (const [i, certificate] of certificates.slice(0, -1).entries()) {
        const urls = respondersOf(certificate)
        if (urls.length === 0) continue
        const why = await this.whyNotGood(certificate, certificates[i + 1], urls, options)
        if (why === undefined) continue
        this.observer.refused({ chain: certificates, link: i, why })
        return false
      }
      return true
    } catch {
      return false // OpenSSL could read it, and now cannot
    }
  }

  /** Undefined: it is. What is wrong is let pass, and told, if it is only to be warned of. */
  private async whyNotGood(
    certificate: X509Certificate,
    issuer: X509Certificate,
    urls: readonly string[],
    options: OcspPeerOptions,
  ): Promise<string | undefined> {
    const name = certificate.subject.replaceAll('\n', ',')
    const known = this.cacheOptions()?.type === 'none' ? undefined : this.cache.get(certificate.fingerprint256)
    const isKnownRevoked = known?.status === 'revoked'
    const isKnown = known !== undefined && isCurrent(known, options)
    this.counts[isKnown ? 'hits' : 'misses']++
    let status: OcspStatus
    try {
      status = isKnown ? known : await this.ask(certificate, issuer, urls, options)
    } catch (error) {
      const cause = error instanceof OcspError ? error.message : 'failed'
      this.observer.warn(`Attempt to obtain OCSP response from CA responder for [${name}] failed: ${cause}`)
      if (options.warnOnly || !options.allowWhenCaUnreachable || !(error instanceof UnreachableError)) {
        return this.unlessWarnOnly('Failed OCSP response fetch', name, options)
      }
      const outcome = isKnownRevoked ? 'cached revocation exists so rejecting' : 'no cached revocation so allowing'
      this.observer.warn(`Failed to obtain OCSP CA response for [${name}] but AllowWhenCAUnreachable set; ${outcome}`)
      return isKnownRevoked ? 'Failed OCSP response fetch' : undefined
    }
    if (!isCurrent(status, options)) {
      this.observer.warn(`New OCSP CA response obtained for [${name}] but not current`)
      return this.unlessWarnOnly('OCSP response not in effectivity window', name, options)
    }
    if (status.status === 'good' || (status.status === 'unknown' && options.unknownIsGood)) return undefined
    this.observer.warn(`OCSP verify fail for [${name}] with CA status [${status.status}]`)
    return this.unlessWarnOnly(`Invalid OCSP response status: ${status.status}`, name, options)
  }

  private unlessWarnOnly(why: string, name: string, { warnOnly }: OcspPeerOptions): string | undefined {
    if (!warnOnly) return why
    this.observer.warn(`OCSP verify fail for [${name}] but WarnOnly is true so allowing`)
    return undefined
  }

  /** Many may come with the same certificate at once: one question serves them all. */
  private ask(
    certificate: X509Certificate,
    issuer: X509Certificate,
    urls: readonly string[],
    options: OcspPeerOptions,
  ): Promise<OcspStatus> {
    const { fingerprint256: key } = certificate
    const underway = this.underway.get(key)
    if (underway !== undefined) return underway
    const timeoutMs = options.caTimeout || CA_TIMEOUT_MS
    const asked = askResponders({ certificate, issuer, urls, timeoutMs, methods: ['GET'] })
      .then(({ status, thisUpdateMs, nextUpdateMs }) => {
        const answer = { status, thisUpdateMs, nextUpdateMs }
        if (isCurrent(answer, options)) this.keep(key, answer)
        return answer
      })
      .finally(() => this.underway.delete(key))
    this.underway.set(key, asked)
    return asked
  }

  private keep(key: string, status: OcspStatus): void {
    const options = this.cacheOptions()
    if (options?.type === 'none') return
    this.add(key, status)
    if (options !== undefined) this.saveLater(options)
  }

  private add(key: string, status: OcspStatus): void {
    this.forget(key)
    this.cache.set(key, status)
    this.counts[status.status]++
    if (this.cache.size > OCSP_CACHED_MAX) this.forget(this.cache.keys().next().value as string)
  }

  private forget(key: string): void {
    const status = this.cache.get(key)
    if (status !== undefined && this.cache.delete(key)) this.counts[status.status]--
  }
}

function isCurrent({ thisUpdateMs, nextUpdateMs }: OcspStatus, options: OcspPeerOptions): boolean {
  const { allowedClockSkew, cacheTtlWhenNextUpdateUnset } = options
  const now = Date.now()
  const end = nextUpdateMs ?? thisUpdateMs + cacheTtlWhenNextUpdateUnset
  return end >= now - allowedClockSkew && thisUpdateMs <= now + allowedClockSkew
}
