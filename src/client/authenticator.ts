// Authenticators: who a client says it is. Each gets the nonce of the server's INFO, and answers the members of CONNECT
// that prove it. They are asked at each connect, so a function can give fresh credentials each time.

import { bytesOf, textOf } from './bytes.ts'
import { signerOf } from './nkey.ts'

export type NoAuth = undefined
export interface TokenAuth {
  auth_token: string
}
export interface UserPass {
  user: string
  pass?: string
}
export interface NKeyAuth {
  nkey: string
  /** The nonce, signed, in base64url. */
  sig: string
}
export interface JwtAuth {
  jwt: string
  nkey?: string
  sig?: string
}
export type Auth = NoAuth | TokenAuth | UserPass | NKeyAuth | JwtAuth

/** Those of nats.js fit, except that these may also answer a promise. */
export type Authenticator = (nonce?: string) => Auth | Promise<Auth>

type Provided<T> = T | (() => T)

function provided<T extends string | Uint8Array>(given: Provided<T>): T {
  return typeof given === 'function' ? given() : given
}

export function tokenAuthenticator(token: Provided<string>): Authenticator {
  return () => ({ auth_token: provided(token) })
}

export function usernamePasswordAuthenticator(user: Provided<string>, pass?: Provided<string>): Authenticator {
  return () => ({ user: provided(user), ...(pass === undefined ? {} : { pass: provided(pass) }) })
}

/** By the seed of a user (`SU…`). Connecting is rejected with InvalidArgumentError if it is none. */
export function nkeyAuthenticator(seed: Provided<Uint8Array>): Authenticator {
  return async (nonce) => {
    const { publicKey, sign } = await signerOf(provided(seed))
    return { nkey: publicKey, sig: await sign(bytesOf(nonce ?? '')) }
  }
}

/** By a JWT, and the seed of its user unless it is a bearer token. */
export function jwtAuthenticator(jwt: Provided<string>, seed?: Provided<Uint8Array>): Authenticator {
  return async (nonce) => {
    if (seed === undefined) return { jwt: provided(jwt) }
    const { publicKey, sign } = await signerOf(provided(seed))
    return { jwt: provided(jwt), nkey: publicKey, sig: await sign(bytesOf(nonce ?? '')) }
  }
}

/** By the contents of a credentials file: a JWT and a seed between lines of dashes. */
export function credsAuthenticator(creds: Provided<Uint8Array>): Authenticator {
  return async (nonce) => {
    const blocks = credentialBlocks(textOf(provided(creds)))
    if (blocks.length === 0) throw new Error('the credentials have no JWT')
    const [jwt, seed] = blocks
    return jwtAuthenticator(jwt, seed === undefined ? undefined : bytesOf(seed))(nonce)
  }
}

/** What stands between a line of dashes with BEGIN in it and one with END. */
function credentialBlocks(text: string): string[] {
  const blocks: string[] = []
  let inside: string[] | undefined
  for (const line of text.split('\n').map((one) => one.trim())) {
    const isFence = line.startsWith('---')
    if (isFence && line.includes('BEGIN')) inside = []
    else if (isFence && inside !== undefined) {
      blocks.push(inside.join(''))
      inside = undefined
    } else inside?.push(line)
  }
  return blocks
}

/** The members of ConnectionOptions that say who the client is. */
export interface Credentials {
  authenticator?: Authenticator | Authenticator[]
  token?: string
  user?: string
  pass?: string
}

/** The authenticator that options ask for; undefined: none. */
export function authenticatorOf({ authenticator, token, user, pass }: Credentials): Authenticator | undefined {
  const all = authenticator === undefined ? [] : [authenticator].flat()
  if (token !== undefined) all.push(tokenAuthenticator(token))
  if (user !== undefined) all.push(usernamePasswordAuthenticator(user, pass))
  if (all.length === 0) return undefined
  return async (nonce) => {
    // A server takes the first kind that it is configured for; members of different kinds do not disturb each other.
    const answers = await Promise.all(all.map((one) => one(nonce)))
    return Object.assign({}, ...answers) as Auth
  }
}
