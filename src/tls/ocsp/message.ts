// Requests to an OCSP responder and its answers (RFC 6960): the revocation status of a certificate. An answer counts
// only if the certificate's issuer has signed it, or a delegate of the issuer.

import { createHash, verify, X509Certificate } from 'node:crypto'
import { VISIBLE } from '../../text/scan.ts'
import {
  BIT_STRING,
  BOOLEAN,
  der,
  ENUMERATED,
  GENERALIZED_TIME,
  INTEGER,
  NULL,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  Reader,
  readOid,
  SEQUENCE,
  Unreadable,
} from '../der.ts'

/** What a responder says of a certificate. Wall clock, in milliseconds. */
export interface OcspStatus {
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly thisUpdateMs: number
  /** When there will be news; undefined: at any time. */
  readonly nextUpdateMs: number | undefined
}

/** 1.3.14.3.2.26, by which all responders find certificates; nothing is signed by it. */
const SHA1 = Buffer.from('06052b0e03021a', 'hex')
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
/** With RSA and ECDSA; null: with Ed25519, which has its own. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
}
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
/** What Node writes before an address in the lines of a certificate's information access. */
const RESPONDER_LINE = 'OCSP - URI:'
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1'
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24'
const STATUS_REQUEST = 5

const VERSION = 0xa0
const EXPLICIT_0 = 0xa0
const EXTENSIONS = 0xa3
const GOOD = 0x80
const REVOKED = 0xa1
const UNKNOWN = 0x82

const RESPONSE_STATUS = [
  'success',
  'malformed',
  'internal error',
  'try later',
  'unknown',
  'signature required',
  'unauthorized',
]

export class OcspError extends Error {}

// ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────

export function encodeRequest(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  const { serial, issuerName } = partsOf(certificate)
  const { keyBits } = partsOf(issuer)
  const id = der(
    SEQUENCE,
    der(SEQUENCE, SHA1, der(NULL)),
    der(OCTET_STRING, hash('sha1', issuerName)),
    der(OCTET_STRING, hash('sha1', keyBits)),
    der(INTEGER, serial),
  )
  return der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, id))))
}

/** Whether a certificate says that it is no good without a staple. */
export function mustStaple(certificate: X509Certificate): boolean {
  try {
    const feature = partsOf(certificate).extensions.get(TLS_FEATURE)
    if (feature === undefined) return false
    const list = [...new Reader(new Reader(feature).take(SEQUENCE)).all(INTEGER)]
    return list.some((value) => value.length === 1 && value[0] === STATUS_REQUEST)
  } catch {
    return false
  }
}

/** Where a certificate says that it can be asked about. */
export function respondersOf({ infoAccess }: X509Certificate): string[] {
  const lines = (infoAccess ?? '').split('\n').filter((line) => line.startsWith(RESPONDER_LINE))
  const urls = lines.map((line) => line.slice(RESPONDER_LINE.length).trimEnd())
  return urls.filter((url) => (url.startsWith('http://') || url.startsWith('https://')) && VISIBLE.isAll(url))
}

// ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Reads an answer about `certificate`. Throws an OcspError that says why it cannot be believed. */
export function decodeResponse(bytes: Buffer, certificate: X509Certificate, issuer: X509Certificate): OcspStatus {
  try {
    return statusOf(bytes, certificate, issuer)
  } catch (error) {
    if (error instanceof OcspError) throw error
    // Whatever else is thrown, by us or by OpenSSL, these bytes made it so.
    throw new OcspError('error parsing OCSP response')
  }
}

function statusOf(bytes: Buffer, certificate: X509Certificate, issuer: X509Certificate): OcspStatus {
  const response = new Reader(new Reader(bytes).take(SEQUENCE))
  const [code] = response.take(ENUMERATED)
  if (code !== 0) throw new OcspError(`ocsp: error from server: ${RESPONSE_STATUS[code] ?? `status ${code}`}`)
  const holder = new Reader(new Reader(response.take(EXPLICIT_0)).take(SEQUENCE))
  if (readOid(holder.take(OBJECT_IDENTIFIER)) !== BASIC_RESPONSE) throw new OcspError('bad OCSP response type')
  const basic = new Reader(new Reader(holder.take(OCTET_STRING)).take(SEQUENCE))
  const data = basic.takeWhole(SEQUENCE)
  const algorithm = readOid(new Reader(basic.take(SEQUENCE)).take(OBJECT_IDENTIFIER))
  const signature = bitsOf(basic.take(BIT_STRING))
  const others: Buffer[] = []
  if (!basic.atEnd) {
    const list = new Reader(new Reader(basic.take(EXPLICIT_0)).take(SEQUENCE))
    while (!list.atEnd) others.push(list.takeWhole(SEQUENCE))
  }
  const digest = SIGNATURES[algorithm]
  if (digest === undefined) throw new OcspError('signature algorithm of OCSP response is not supported')
  const isSigned = [issuer, ...delegates(others, issuer)].some((by) => verify(digest, data, by.publicKey, signature))
  if (!isSigned) throw new OcspError('bad signature on OCSP response')
  return statusIn(data, certificate, issuer)
}

/** The enclosed certificates that may answer for the issuer. */
function delegates(certificates: readonly Buffer[], issuer: X509Certificate): X509Certificate[] {
  const now = Date.now()
  return certificates
    .map((bytes) => new X509Certificate(bytes))
    .filter((one) => one.checkIssued(issuer) && one.verify(issuer.publicKey) && one.keyUsage?.includes(OCSP_SIGNING))
    .filter(({ validFrom, validTo }) => Date.parse(validFrom) <= now && now <= Date.parse(validTo))
}

/** What the signed part says of this certificate. */
function statusIn(data: Buffer, certificate: X509Certificate, issuer: X509Certificate): OcspStatus {
  const { serial, issuerName } = partsOf(certificate)
  const { keyBits } = partsOf(issuer)
  const fields = new Reader(new Reader(data).take(SEQUENCE))
  if (fields.tag === VERSION) fields.skip()
  fields.skip() // who answers
  fields.skip() // when
  for (const response of new Reader(fields.take(SEQUENCE)).all(SEQUENCE)) {
    const single = new Reader(response)
    const id = new Reader(single.take(SEQUENCE))
    const algorithm = HASHES[readOid(new Reader(id.take(SEQUENCE)).take(OBJECT_IDENTIFIER))]
    const [nameHash, keyHash] = [id.take(OCTET_STRING), id.take(OCTET_STRING)]
    if (algorithm === undefined || !id.take(INTEGER).equals(serial)) continue
    if (!nameHash.equals(hash(algorithm, issuerName)) || !keyHash.equals(hash(algorithm, keyBits))) continue
    const { tag } = single
    single.skip()
    const thisUpdateMs = timeOf(single.take(GENERALIZED_TIME))
    const next = !single.atEnd && single.tag === EXPLICIT_0 ? single.take(EXPLICIT_0) : undefined
    const nextUpdateMs = next === undefined ? undefined : timeOf(new Reader(next).take(GENERALIZED_TIME))
    if (tag !== GOOD && tag !== REVOKED && tag !== UNKNOWN) throw new Unreadable()
    return { status: tag === GOOD ? 'good' : tag === REVOKED ? 'revoked' : 'unknown', thisUpdateMs, nextUpdateMs }
  }
  throw new OcspError('no response matching the supplied certificate')
}

// ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────

interface Parts {
  readonly serial: Buffer
  /** DER. */
  readonly issuerName: Buffer
  /** The public key itself, without its algorithm. */
  readonly keyBits: Buffer
  /** By their types. */
  readonly extensions: ReadonlyMap<string, Buffer>
}

function partsOf({ raw }: X509Certificate): Parts {
  const fields = new Reader(new Reader(new Reader(raw).take(SEQUENCE)).take(SEQUENCE))
  if (fields.tag === VERSION) fields.skip()
  const serial = fields.take(INTEGER)
  fields.skip() // signature algorithm
  const issuerName = fields.takeWhole(SEQUENCE)
  fields.skip() // validity
  fields.skip() // subject
  const key = new Reader(fields.take(SEQUENCE))
  key.skip() // algorithm
  const keyBits = bitsOf(key.take(BIT_STRING))
  const extensions = new Map<string, Buffer>()
  while (!fields.atEnd && fields.tag !== EXTENSIONS) fields.skip()
  if (!fields.atEnd) {
    for (const extension of new Reader(new Reader(fields.take(EXTENSIONS)).take(SEQUENCE)).all(SEQUENCE)) {
      const reader = new Reader(extension)
      const type = readOid(reader.take(OBJECT_IDENTIFIER))
      if (reader.tag === BOOLEAN) reader.skip()
      extensions.set(type, reader.take(OCTET_STRING))
    }
  }
  return { serial, issuerName, keyBits, extensions }
}

/** A bit string of whole bytes. */
function bitsOf(content: Buffer): Buffer {
  if (content[0] !== 0) throw new Unreadable()
  return content.subarray(1)
}

/** `20260102030405Z`, perhaps with a fraction. */
function timeOf(content: Buffer): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(content.toString('latin1'))
  if (parts === null) throw new Unreadable()
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function hash(algorithm: string, bytes: Buffer): Buffer {
  return createHash(algorithm).update(bytes).digest()
}
