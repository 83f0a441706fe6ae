// PEM files: finding the blocks, reading a certificate with its key. Errors have the text of nats-server (that is, of
// Go). No error text holds a byte of a file's content: one of the files is a private key.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'

export type Result<T> = { readonly value: T } | { readonly error: string }

/** A certificate chain and its private key, in PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

interface Block {
  readonly type: string
  readonly pem: string
}

const BLOCK = /^-----BEGIN ([^-\r\n]+)-----[ \t]*\r?\n[^-]*^-----END \1-----/gm

function blocksOf(text: string): Block[] {
  return [...text.matchAll(BLOCK)].map(([pem, type]) => ({ pem, type }))
}

/** The content of a file, or the error as Go words it: `open NAME: no such file or directory`. */
function readText(path: string): Result<string> {
  try {
    return { value: readFileSync(path, 'latin1') }
  } catch (error) {
    const { errno, code, syscall } = error as NodeJS.ErrnoException
    // libuv's words for this one are not the system's.
    const why = code === 'EISDIR' ? 'is a directory' : errno === undefined ? code : getSystemErrorMessage(errno)
    return { error: `${syscall ?? 'open'} ${path}: ${why}` }
  }
}

/** Reads and checks a pair of files: the key must be the one of the first certificate. */
export function readKeyPair(certFile: string, keyFile: string): Result<KeyPair> {
  const certText = readText(certFile)
  if ('error' in certText) return certText
  const keyText = readText(keyFile)
  if ('error' in keyText) return keyText
  return keyPair(certText.value, keyText.value)
}

/** Checks the contents of a certificate file and a key file. */
export function keyPair(certText: string, keyText: string): Result<KeyPair> {
  const certBlocks = blocksOf(certText)
  const chain = certBlocks.filter(({ type }) => type === 'CERTIFICATE')
  if (chain.length === 0) return { error: noCertificate(certBlocks.map(({ type }) => type)) }
  const keyBlocks = blocksOf(keyText)
  const keyBlock = keyBlocks.find(({ type }) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY'))
  if (keyBlock === undefined) return { error: noKey(keyBlocks.map(({ type }) => type)) }
  const leaf = parse(() => new X509Certificate(chain[0].pem))
  if (leaf === undefined || chain.some(({ pem }) => parse(() => new X509Certificate(pem)) === undefined)) {
    return { error: 'x509: malformed certificate' }
  }
  // One that needs a pass phrase is refused as well.
  const key = parse(() => createPrivateKey(keyBlock.pem))
  if (key === undefined) return { error: 'tls: failed to parse private key' }
  if (key.asymmetricKeyType !== leaf.publicKey.asymmetricKeyType) {
    return { error: 'tls: private key type does not match public key type' }
  }
  if (!leaf.checkPrivateKey(key)) return { error: 'tls: private key does not match public key' }
  return { value: { cert: chain.map(({ pem }) => pem).join('\n'), key: keyBlock.pem } }
}

/** The certificates of a file of authorities. */
export function readAuthorities(caFile: string): Result<readonly string[]> {
  const text = readText(caFile)
  return 'error' in text ? text : authoritiesIn(text.value)
}

/** The certificates in the content of such a file; unreadable ones are skipped, as in Go. */
export function authoritiesIn(caText: string): Result<readonly string[]> {
  const readable = blocksOf(caText)
    .filter(({ type, pem }) => type === 'CERTIFICATE' && parse(() => new X509Certificate(pem)) !== undefined)
    .map(({ pem }) => pem)
  return readable.length === 0 ? { error: 'failed to parse root ca certificate' } : { value: readable }
}

function noCertificate(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in certificate input'
  if (skipped.length === 1 && skipped[0].endsWith('PRIVATE KEY')) {
    return (
      'tls: failed to find certificate PEM data in certificate input, but did find a private key; ' +
      'PEM inputs may have been switched'
    )
  }
  const skipping = `after skipping PEM blocks of the following types: [${skipped.join(' ')}]`
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input ${skipping}`
}

function noKey(skipped: readonly string[]): string {
  if (skipped.length === 0) return 'tls: failed to find any PEM data in key input'
  if (skipped.length === 1 && skipped[0] === 'CERTIFICATE') {
    return 'tls: found a certificate rather than a key in the PEM for the private key'
  }
  const skipping = `after skipping PEM blocks of the following types: [${skipped.join(' ')}]`
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input ${skipping}`
}

function parse<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
