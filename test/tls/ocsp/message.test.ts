import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeResponse, encodeRequest, mustStaple, OcspError, respondersOf } from '../../../src/tls/ocsp/message.ts'
import { chooseSeed, Random } from '../../support/random.ts'
import { Authority } from '../certificates.ts'

const authority = new Authority('Test')
const issuer = new X509Certificate(authority.cert)
const issued = authority.issue({ subject: 'a', ocspUrl: 'http://127.0.0.1:1/x', mustStaple: true })
const certificate = new X509Certificate(issued.cert)
const other = new X509Certificate(authority.issue({ subject: 'b' }).cert)

const statusOf = (bytes: Buffer) => decodeResponse(bytes, certificate, issuer)

describe('what a certificate says about OCSP', () => {
  it('is where to ask, and whether a staple is a must', () => {
    expect(respondersOf(certificate)).toEqual(['http://127.0.0.1:1/x'])
    expect(mustStaple(certificate)).toBe(true)
    expect(respondersOf(other)).toEqual([])
    expect(mustStaple(other)).toBe(false)
  })
})

describe('an answer', () => {
  it('tells the status, and from when to when it holds', () => {
    const now = Date.now()
    for (const status of ['good', 'revoked', 'unknown'] as const) {
      const said = statusOf(authority.ocspAnswer(issued, { status, thisUpdate: -5000, nextUpdate: 7000 }))
      expect(said.status).toBe(status)
      expect(Math.abs(said.thisUpdateMs - (now - 5000))).toBeLessThan(2500)
      expect(Math.abs((said.nextUpdateMs as number) - (now + 7000))).toBeLessThan(2500)
    }
  })

  it('may be signed by a delegate of the issuer, and by nobody else', () => {
    const by =
      (order: object, of = authority) =>
      () =>
        statusOf(authority.ocspAnswer(issued, { signer: of.issue({ subject: 'd', ...order }) }))
    expect(by({ signsOcsp: true })()).toMatchObject({ status: 'good' })
    expect(by({})).toThrow('bad signature')
    expect(by({ signsOcsp: true, days: -1 })).toThrow('bad signature')
    expect(by({ signsOcsp: true }, new Authority('Test'))).toThrow('bad signature')
  })

  it('is about the certificate that was asked about', () => {
    const bytes = authority.ocspAnswer(issued)
    expect(() => decodeResponse(bytes, other, issuer)).toThrow('no response matching')
    expect(encodeRequest(certificate, issuer).equals(encodeRequest(other, issuer))).toBe(false)
  })

  it('is refused in a value of its own, whatever its bytes', () => {
    const random = new Random(chooseSeed('OCSP answers'))
    const bytes = authority.ocspAnswer(issued, { signer: authority.issue({ subject: 'd', signsOcsp: true }) })
    for (let i = 0; i < 3000; i++) {
      const length = random.below(5) === 0 ? random.below(bytes.length) : bytes.length
      const spoilt = Buffer.from(bytes.subarray(0, length))
      for (let n = 0; n < 3 && length > 0; n++) spoilt[random.below(length)] = random.below(256)
      try {
        // What can be changed without effect is only what is not signed.
        expect(statusOf(spoilt).status).toBe('good')
      } catch (error) {
        expect(error).toBeInstanceOf(OcspError)
      }
    }
  })
})
