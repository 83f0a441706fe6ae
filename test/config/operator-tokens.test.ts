// What may stand in `operator`: tokens of the first and of the second form, told by Heddle and by nats-server with -t.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { claims, createOperator, firstClaims, sign, signFirst } from '../auth/material.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing, peers } from '../support/peers.ts'
import { checkFile, surroundingsIn } from './support.ts'

const key = createOperator()
const id = key.getPublicKey()
const signer = createOperator().getPublicKey()
const first = (nats?: object) => firstClaims('operator', id, key, nats)
const firstOf = (change: object) => ({ ...first(), ...change })
const second = claims('operator', id, key)
const header = (alg: string, typ = 'jwt') => ({ alg, typ })

const TOKENS: readonly (readonly [string, string])[] = [
  ['first form, without nats', signFirst(first(), key)],
  ['first form, empty nats', signFirst(first({}), key)],
  ['first form, nats null', signFirst(firstOf({ nats: null }), key)],
  ['first form, signing keys', signFirst(first({ signing_keys: [signer] }), key)],
  ['first form, tags', signFirst(firstOf({ tags: ['a'] }), key)],
  ['first form, identities', signFirst(first({ identity: [{ id: 'x', proof: 'y' }] }), key)],
  ['first form, algorithm of the second', signFirst(first(), key, header('ed25519-nkey'))],
  ['first form, algorithm in capitals', signFirst(first(), key, header('ED25519'))],
  ['first form, type in capitals', signFirst(first(), key, header('ed25519', 'JWT'))],
  ['first form, another type', signFirst(first(), key, header('ed25519', 'x'))],
  ['first form, no type', signFirst(first(), key, { alg: 'ed25519' })],
  ['first form, another algorithm', signFirst(first(), key, header('ed25519-x'))],
  ['first form, no algorithm', signFirst(first(), key, { typ: 'jwt' })],
  ['first form, signed like the second', sign(first(), key)],
  ['first form, an account', signFirst(firstOf({ type: 'account' }), key)],
  ['first form, no kind', signFirst(firstOf({ type: undefined }), key)],
  ['first form, no issuer', signFirst(firstOf({ iss: undefined }), key)],
  ['first form, expired', signFirst(firstOf({ exp: 1 }), key)],
  ['second form', sign(second, key)],
  ['second form, algorithm of the first', sign(second, key, header('ed25519'))],
  ['second form, signed like the first', signFirst(second, key)],
  ['version 1 within nats', signFirst({ ...second, nats: { type: 'operator', version: 1 } }, key)],
  ['no version', sign({ ...second, nats: { type: 'operator' } }, key)],
  ['no version, signed like the first', signFirst({ ...second, nats: { type: 'operator' } }, key)],
  ['version 3', sign({ ...second, nats: { type: 'operator', version: 3 } }, key)],
  ['both forms at once', signFirst({ ...second, type: 'operator' }, key)],
  ['two chunks', sign(second, key).split('.').slice(0, 2).join('.')],
]

describe.skipIf(missing('natsServer', 'operator tokens beside nats-server'))('beside nats-server', () => {
  test.each(TOKENS)('%s', async (_, token) => {
    const folder = scratchDirectory()
    writeFileSync(join(folder, 'server.conf'), `operator: "${token}"\nresolver: MEM\n`)
    expect(await checkFile('server.conf', surroundingsIn(folder))).toEqual(askNatsServer(folder))
  })

  function askNatsServer(cwd: string): { code: number | null; stderr: string } {
    const program = peers.natsServer as string
    const { status, stderr } = spawnSync(program, ['-t', '-c', 'server.conf'], { cwd, encoding: 'utf8' })
    return { code: status, stderr }
  }
})
