// Stands in for tweetnacl, by which the official libraries make keys and sign (see runner.ts): Ed25519 by Node's crypto,
// to the same bytes, in a hundredth of the time. Tests make thousands of keys and tokens.

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { createRequire } from 'node:module'

interface Pair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

type Verify = (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array) => boolean

interface Nacl {
  readonly sign: {
    readonly keyPair: { fromSeed(seed: Uint8Array): Pair }
    detached: ((message: Uint8Array, secretKey: Uint8Array) => Uint8Array) & { verify: Verify }
  }
}

const PRIVATE_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_BYTES = 64

const nacl: Nacl = createRequire(import.meta.url)('tweetnacl/nacl-fast.js')
const verifySlowly = nacl.sign.detached.verify

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

nacl.sign.keyPair.fromSeed = (seed) => {
  const info = createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' })
  const publicKey = new Uint8Array(info.subarray(PUBLIC_HEAD.length))
  return { publicKey, secretKey: new Uint8Array([...seed, ...publicKey]) }
}

const verifyQuickly: Verify = (message, signature, publicKey) => {
  // What it throws at is its own.
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== 32)
    return verifySlowly(message, signature, publicKey)
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, publicKey]), format: 'der', type: 'spki' })
  return verify(null, message, key, signature)
}

nacl.sign.detached = Object.assign(
  (message: Uint8Array, secretKey: Uint8Array) =>
    new Uint8Array(sign(null, message, privateKey(secretKey.subarray(0, 32)))),
  { verify: verifyQuickly },
)

// What require() answers, as it does with the real one.
export { nacl as 'module.exports' }
