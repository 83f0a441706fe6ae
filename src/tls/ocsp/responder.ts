// Asks OCSP responders about a certificate, over HTTP, one after the other.

import type { X509Certificate } from 'node:crypto'
import * as http from 'node:http'
import * as https from 'node:https'
import { OCSP_RESPONSE_MAX } from '../../base/constants.ts'
import { decodeResponse, encodeRequest, OcspError, type OcspStatus } from './message.ts'

export interface OcspAnswer extends OcspStatus {
  /** As it came: what is stapled. */
  readonly raw: Buffer
}

export interface OcspQuestion {
  readonly certificate: X509Certificate
  readonly issuer: X509Certificate
  readonly urls: readonly string[]
  /** For each try. */
  readonly timeoutMs: number
  /** In this order. */
  readonly methods: readonly Method[]
}

type Method = 'POST' | 'GET'

/** No responder has answered at all. */
export class UnreachableError extends OcspError {}

/** The first answer that can be had. Rejects with an OcspError that says why there is none, or none to be believed. */
export async function askResponders({ methods, ...about }: OcspQuestion): Promise<OcspAnswer> {
  const { certificate, issuer, urls, timeoutMs } = about
  if (urls.length === 0) throw new OcspError('no available ocsp servers')
  const question = encodeRequest(certificate, issuer)
  const faults: string[] = []
  let isReached = false
  for (const given of urls) {
    const url = given.replace(/\/$/, '')
    for (const method of methods) {
      try {
        const raw = await fetch(method, url, question, timeoutMs)
        return { ...decodeResponse(raw, certificate, issuer), raw }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const isAnswer = error instanceof OcspError
        faults.push(isAnswer ? `failed to get remote status from ${url}: ${why}` : why)
        isReached ||= isAnswer
        if (isAnswer) break // it would say the same by another method
      }
    }
  }
  const text = `exhausted ocsp servers: ${faults.join(', ')}`
  throw isReached ? new OcspError(text) : new UnreachableError(text)
}

/** Why an answer is not for now, or undefined. */
export function whyNotCurrent({ thisUpdateMs, nextUpdateMs }: OcspStatus, nowMs: number): string | undefined {
  const text = (ms: number): string => new Date(ms).toISOString().replace('.000', '')
  if (nextUpdateMs !== undefined && nextUpdateMs < nowMs) {
    return `invalid ocsp NextUpdate, is past time: ${text(nextUpdateMs)}`
  }
  return thisUpdateMs > nowMs ? `invalid ocsp ThisUpdate, is future time: ${text(thisUpdateMs)}` : undefined
}

/** No redirection is followed. Rejects. */
function fetch(method: Method, url: string, question: Buffer, timeoutMs: number): Promise<Buffer> {
  const isPost = method === 'POST'
  const target = new URL(isPost ? url : `${url}/${encodeURIComponent(question.toString('base64'))}`)
  const { request } = target.protocol === 'https:' ? https : http
  const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' }
  return new Promise((resolve, reject) => {
    const options = { method, headers: isPost ? headers : {}, signal: AbortSignal.timeout(timeoutMs) }
    const asking = request(target, options, (response) => {
      const { statusCode = 0 } = response
      const chunks: Buffer[] = []
      let size = 0
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > OCSP_RESPONSE_MAX) response.destroy(new Error('answer is too long'))
      })
      response.on('end', () => {
        if (statusCode >= 200 && statusCode <= 299) resolve(Buffer.concat(chunks))
        else reject(new Error(`non-ok http status on ${method} request (reqlen=${question.length}): ${statusCode}`))
      })
    })
    asking.on('error', reject)
    asking.end(isPost ? question : undefined)
  })
}
