// Fields of a client's certificate that are parsed here, because Node provides them only as text that cannot be parsed
// safely: the subject with its attributes in order, the alternative names, the public key info.
//
// OpenSSL has parsed and verified the certificate before. Still every length is checked here, and any deviation from
// RFC 5280 makes the whole certificate unreadable: it admits no client (docs/reference/reliability.md, "Keys and
// tokens").

import { BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, Reader, readOid, SEQUENCE, SET, Unreadable } from './der.ts'

/** One attribute of a subject: its type as dotted numbers and its value. */
export interface Attribute {
  readonly oid: string
  readonly value: string
}

/** The parts of a subject in the order of the certificate; each part has one attribute, or rarely several. */
export type Subject = readonly (readonly Attribute[])[]

export interface CertificateParts {
  readonly subject: Subject
  readonly emails: readonly string[]
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** DER of SubjectPublicKeyInfo, as in the certificate. */
  readonly publicKeyInfo: Buffer
}

const UTF8_STRING = 0x0c
const NUMERIC_STRING = 0x12
const PRINTABLE_STRING = 0x13
const T61_STRING = 0x14
const IA5_STRING = 0x16
const BMP_STRING = 0x1e
const VERSION = 0xa0
const EXTENSIONS = 0xa3
const EMAIL_NAME = 0x81
const DNS_NAME = 0x82
const URI_NAME = 0x86
const SUBJECT_ALT_NAME = '2.5.29.17'

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
const PRINTABLE_SET = /^[A-Za-z0-9 '()+,\-./:=?*&]*$/

/** Reads a certificate (DER). Undefined: it is not exactly as it must be. Never throws. */
export function readCertificate(der: Buffer): CertificateParts | undefined {
  try {
    return partsOf(der)
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

function partsOf(der: Buffer): CertificateParts {
  const body = new Reader(new Reader(der).take(SEQUENCE)).take(SEQUENCE)
  const fields = new Reader(body)
  if (fields.tag === VERSION) fields.skip()
  fields.skip() // serial number
  fields.skip() // signature algorithm
  fields.skip() // issuer
  fields.skip() // validity
  const subject = readSubject(fields.take(SEQUENCE))
  const publicKeyInfo = fields.takeWhole(SEQUENCE)
  const names = { emails: [] as string[], dnsNames: [] as string[], uris: [] as string[] }
  while (!fields.atEnd && fields.tag !== EXTENSIONS) fields.skip()
  if (!fields.atEnd) readExtensions(fields.take(EXTENSIONS), names)
  return { subject, publicKeyInfo, ...names }
}

function readSubject(bytes: Buffer): Subject {
  return [...new Reader(bytes).all(SET)].map((part) =>
    [...new Reader(part).all(SEQUENCE)].map((attribute) => {
      const fields = new Reader(attribute)
      const oid = readOid(fields.take(OBJECT_IDENTIFIER))
      const { tag } = fields
      const value = readString(tag, fields.take(tag))
      fields.end()
      return { oid, value }
    }),
  )
}

function readExtensions(
  bytes: Buffer,
  names: { readonly emails: string[]; readonly dnsNames: string[]; readonly uris: string[] },
): void {
  let seen = false
  for (const extension of new Reader(new Reader(bytes).take(SEQUENCE)).all(SEQUENCE)) {
    const fields = new Reader(extension)
    if (readOid(fields.take(OBJECT_IDENTIFIER)) !== SUBJECT_ALT_NAME) continue
    if (seen) throw new Unreadable()
    seen = true
    if (fields.tag === BOOLEAN) fields.skip()
    const list = new Reader(new Reader(fields.take(OCTET_STRING)).take(SEQUENCE))
    while (!list.atEnd) {
      const { tag } = list
      const name = list.take(tag)
      if (tag === EMAIL_NAME) names.emails.push(readAscii(name))
      else if (tag === DNS_NAME) names.dnsNames.push(readAscii(name))
      else if (tag === URI_NAME) names.uris.push(readAscii(name))
    }
  }
}

/** The string types that Go reads. A T.61 string beyond ASCII means different things to different readers. */
function readString(tag: number, bytes: Buffer): string {
  switch (tag) {
    case UTF8_STRING:
      return decode('utf-8', bytes)
    case BMP_STRING:
      if (bytes.length % 2 !== 0) throw new Unreadable()
      return decode('utf-16le', Buffer.from(bytes).swap16())
    case PRINTABLE_STRING:
    case NUMERIC_STRING: {
      const text = bytes.toString('latin1')
      if (!PRINTABLE_SET.test(text)) throw new Unreadable()
      return text
    }
    case IA5_STRING:
    case T61_STRING:
      return readAscii(bytes)
    default:
      throw new Unreadable()
  }
}

function readAscii(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (!PRINTABLE_ASCII.test(text)) throw new Unreadable()
  return text
}

function decode(encoding: string, bytes: Buffer): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Unreadable()
  }
}
