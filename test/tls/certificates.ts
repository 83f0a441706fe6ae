// Certificates for tests, made when a test runs, so that none expires and no private key lies in the repository.
// They are written byte by byte, because some must be such as no tool would make.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'

export const OID = {
  CN: '2.5.4.3',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
} as const

export const UTF8 = 0x0c
export const PRINTABLE = 0x13
export const T61 = 0x14
export const IA5 = 0x16
export const UNIVERSAL = 0x1c
export const BMP = 0x1e

/** An attribute of a subject; `tag`: the kind of string, UTF-8 unless told. */
export interface AttributeOrder {
  readonly oid: string
  readonly value: string | Buffer
  readonly tag?: number
}

/** What a certificate is to say. */
export interface CertificateOrder {
  /** Its parts, most general first; or a common name. */
  readonly subject: string | readonly (readonly AttributeOrder[])[]
  readonly emails?: readonly (string | Buffer)[]
  readonly dnsNames?: readonly (string | Buffer)[]
  readonly uris?: readonly (string | Buffer)[]
  readonly ips?: readonly string[]
  readonly key?: 'ec' | 'rsa'
  readonly isAuthority?: boolean
  /** Days from now; default 1. */
  readonly days?: number
  /** How many extensions with alternative names; more than 1 is wrong. */
  readonly nameExtensions?: number
  /** Where it can be asked about. */
  readonly ocspUrl?: string
  /** It is no good without a staple. */
  readonly mustStaple?: boolean
  /** It may sign OCSP answers for its issuer. */
  readonly signsOcsp?: boolean
}

/** What an OCSP answer is to say. */
export interface OcspAnswerOrder {
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** Milliseconds from now. */
  readonly thisUpdate?: number
  /** Milliseconds from now; undefined: an hour. */
  readonly nextUpdate?: number
  /** Who signs it, if not the authority itself. */
  readonly signer?: Certificate
}

export interface Certificate {
  readonly der: Buffer
  readonly cert: string
  readonly key: string
  /** SHA-256 of the public key info. */
  readonly pin: string
}

interface Issued extends Certificate {
  readonly name: Buffer
  readonly privateKey: KeyObject
  readonly publicKeyInfo: Buffer
}

const DAY_MS = 86_400_000
const ECDSA_SHA256 = '1.2.840.10045.4.3.2'
const RSA_SHA256 = '1.2.840.113549.1.1.11'

/** A certificate authority of its own. */
export class Authority {
  private readonly self: Issued

  constructor(name = 'test authority') {
    this.self = make({ subject: name, isAuthority: true, key: 'ec' }, undefined)
  }

  get cert(): string {
    return this.self.cert
  }

  issue(order: CertificateOrder): Certificate {
    return make(order, this.self)
  }

  /** An OCSP answer about a certificate (RFC 6960). */
  ocspAnswer(about: Certificate, order: OcspAnswerOrder = {}): Buffer {
    const { status = 'good', thisUpdate = -60_000, nextUpdate = 3_600_000, signer } = order
    const { name, publicKeyInfo } = this.self
    const sha1 = (bytes: Buffer) => der(0x04, createHash('sha1').update(bytes).digest())
    // The key itself stands at the end of its info: 65 bytes for P-256.
    const keyHash = sha1(publicKeyInfo.subarray(-65))
    const serial = der(0x02, serialOf(about))
    const id = der(0x30, der(0x30, oid('1.3.14.3.2.26'), der(0x05)), sha1(name), keyHash, serial)
    const at = (ms: number) => der(0x18, Buffer.from(`${digitsOf(Date.now() + ms)}Z`))
    const says = { good: der(0x80), revoked: der(0xa1, at(-1000)), unknown: der(0x82) }[status]
    const response = der(0x30, id, says, at(thisUpdate), der(0xa0, at(nextUpdate)))
    const data = der(0x30, der(0xa2, keyHash), at(0), der(0x30, response))
    const key = signer === undefined ? this.self.privateKey : createPrivateKey(signer.key)
    const signature = der(0x03, Buffer.from([0]), sign('sha256', data, key))
    const certificates = signer === undefined ? [] : [der(0xa0, der(0x30, signer.der))]
    const basic = der(0x30, data, der(0x30, oid(ECDSA_SHA256)), signature, ...certificates)
    const holder = der(0x30, oid('1.3.6.1.5.5.7.48.1.1'), der(0x04, basic))
    return der(0x30, der(0x0a, Buffer.from([0])), der(0xa0, holder))
  }
}

/** A certificate that nobody else vouches for. */
export function selfSigned(order: CertificateOrder): Certificate {
  return make(order, undefined)
}

// ── X.509 ───────────────────────────────────────────────────────────────────────────────────────────────────

function make(order: CertificateOrder, issuer: Issued | undefined): Issued {
  const { publicKey, privateKey } =
    order.key === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = issuer?.privateKey ?? privateKey
  const algorithm =
    signer.asymmetricKeyType === 'rsa' ? der(0x30, oid(RSA_SHA256), der(0x05)) : der(0x30, oid(ECDSA_SHA256))
  const name = nameOf(order.subject)
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' })
  const days = order.days ?? 1
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer?.name ?? name,
    der(0x30, time(Date.now() - 2 * DAY_MS), time(Date.now() + days * DAY_MS)),
    name,
    publicKeyInfo,
    der(0xa3, der(0x30, ...extensionsOf(order))),
  )
  const signature = sign('sha256', body, signer)
  const bytes = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature))
  const base64 = bytes.toString('base64').replace(/.{1,64}/g, '$&\n')
  return {
    der: bytes,
    cert: `-----BEGIN CERTIFICATE-----\n${base64}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pin: createHash('sha256').update(publicKeyInfo).digest('hex'),
    name,
    privateKey,
    publicKeyInfo,
  }
}

function nameOf(subject: CertificateOrder['subject']): Buffer {
  const parts = typeof subject === 'string' ? [[{ oid: OID.CN, value: subject }]] : subject
  return der(0x30, ...parts.map((part) => der(0x31, ...part.map(attribute))))
}

function attribute({ oid: type, value, tag = UTF8 }: AttributeOrder): Buffer {
  return der(0x30, oid(type), der(tag, Buffer.from(value as string)))
}

function extensionsOf(order: CertificateOrder): Buffer[] {
  const { emails = [], dnsNames = [], uris = [], ips = [], isAuthority = false } = order
  const names = [
    ...emails.map((name) => der(0x81, Buffer.from(name as string))),
    ...dnsNames.map((name) => der(0x82, Buffer.from(name as string))),
    ...uris.map((name) => der(0x86, Buffer.from(name as string))),
    ...ips.map((ip) => der(0x87, Buffer.from(ip.split('.').map(Number)))),
  ]
  const extensions = [
    der(0x30, oid('2.5.29.19'), der(0x01, Buffer.from([0xff])), der(0x04, der(0x30, ...(isAuthority ? [TRUE] : [])))),
  ]
  const count = order.nameExtensions ?? (names.length > 0 ? 1 : 0)
  for (let i = 0; i < count; i++) extensions.push(der(0x30, oid('2.5.29.17'), der(0x04, der(0x30, ...names))))
  const { ocspUrl, mustStaple, signsOcsp } = order
  if (ocspUrl !== undefined) {
    const access = der(0x30, oid('1.3.6.1.5.5.7.48.1'), der(0x86, Buffer.from(ocspUrl)))
    extensions.push(der(0x30, oid('1.3.6.1.5.5.7.1.1'), der(0x04, der(0x30, access))))
  }
  if (mustStaple) {
    extensions.push(der(0x30, oid('1.3.6.1.5.5.7.1.24'), der(0x04, der(0x30, der(0x02, Buffer.from([5]))))))
  }
  if (signsOcsp) extensions.push(der(0x30, oid('2.5.29.37'), der(0x04, der(0x30, oid('1.3.6.1.5.5.7.3.9')))))
  return extensions
}

// ── DER ─────────────────────────────────────────────────────────────────────────────────────────────────────

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const size = length < 0x100 ? 1 : 2
  const header = Buffer.alloc(2 + size)
  header[0] = tag
  header[1] = 0x80 | size
  header.writeUIntBE(length, 2, size)
  return Buffer.concat([header, content])
}

const TRUE = der(0x01, Buffer.from([0xff]))

function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${digitsOf(ms).slice(2)}Z`))
}

/** Year to second, of the universal time. */
function digitsOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)
}

function serialOf({ der: bytes }: Certificate): Buffer {
  return Buffer.from(new X509Certificate(bytes).serialNumber, 'hex')
}
