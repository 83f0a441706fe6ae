// The credentials of a server that dials as a leaf node: a user’s token, or the user’s key alone, with which the nonce
// of the other server is signed.

import { fromSeed } from '@nats-io/nkeys'

export interface Signer {
  /** Empty: none. */
  readonly jwt: string
  readonly seed: string
}

export interface Signed {
  readonly jwt: string
  readonly nkey: string
  readonly signature: string
}

const NOTHING: Signed = { jwt: '', nkey: '', signature: '' }

/** What CONNECT is to say; undefined: the seed is none, or there is no nonce to be signed. */
export async function sign({ jwt, seed }: Signer, nonce: string): Promise<Signed | undefined> {
  if (seed === '') return NOTHING
  if (nonce === '') return undefined
  try {
    const key = fromSeed(Buffer.from(seed))
    const signature = Buffer.from(key.sign(Buffer.from(nonce))).toString('base64url')
    return jwt === '' ? { jwt: '', nkey: key.getPublicKey(), signature } : { jwt, nkey: '', signature }
  } catch {
    return undefined
  }
}

/** Token and seed in the text of a file of credentials; undefined: it has not both. */
export function readCredentials(text: string): Signer | undefined {
  const jwt = sectionOf(text, 'NATS USER JWT')
  const seed = sectionOf(text, 'USER NKEY SEED')
  return jwt === '' || seed === '' ? undefined : { jwt, seed }
}

/** What stands between `-----BEGIN name-----` and the dashes of its end; empty: there is none. */
function sectionOf(text: string, name: string): string {
  const mark = `-----BEGIN ${name}-----`
  const begin = text.indexOf(mark)
  const end = begin < 0 ? -1 : text.indexOf('---', begin + mark.length)
  return end < 0 ? '' : text.slice(begin + mark.length, end).trim()
}
