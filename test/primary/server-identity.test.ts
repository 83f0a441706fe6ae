import { fromPublic } from '@nats-io/nkeys'
import { expect, test } from 'vitest'
import { createServerKey } from '../../src/auth/server-key.ts'
import { hostPort, parseHostPort, plainAddress } from '../../src/base/addresses.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import type { ServerOptions } from '../../src/options/options.ts'
import { identityOf } from '../../src/primary/server-identity.ts'
import { open, ownServer } from '../support/harness.ts'

test('an id is the public key of a server, another one each time', () => {
  const ids = Array.from({ length: 20 }, () => createServerKey().id)
  for (const id of ids) {
    expect(id).toMatch(/^N[A-Z2-7]{55}$/)
    expect(fromPublic(id).getPublicKey()).toBe(id) // checks letters, kind and checksum
  }
  expect(new Set(ids).size).toBe(20)
})

test.each([
  ['example.com:7000', { host: 'example.com', port: 7000 }],
  ['example.com', { host: 'example.com', port: 4222 }],
  ['example.com:0', { host: 'example.com', port: 4222 }],
  ['example.com:-1', { host: 'example.com', port: 4222 }],
  ['[::1]:7000', { host: '::1', port: 7000 }],
  ['[::1]', { host: '::1', port: 4222 }],
  ['::1', { host: '::1', port: 4222 }],
])('%s is taken apart', (text, parts) => {
  expect(parseHostPort(text, 4222)).toEqual(parts)
  expect(parseHostPort(hostPort(parts.host, parts.port), 1)).toEqual(parts)
})

test('an IPv4 peer of a listener for both families has its plain address', () => {
  expect(plainAddress('::ffff:10.0.0.1')).toBe('10.0.0.1')
  expect(plainAddress('::1')).toBe('::1')
  expect(plainAddress('10.0.0.1')).toBe('10.0.0.1')
})

test('INFO names what is advertised instead of what is listened on', () => {
  const identity = (options: ServerOptions): object => identityOf('N', normaliseOptions(options), 4222)
  expect(identity({ host: '127.0.0.1' })).toMatchObject({ host: '127.0.0.1', port: 4222 })
  expect(identity({ host: '0.0.0.0', clientAdvertise: 'a.b' })).toMatchObject({ host: 'a.b', port: 4222 })
})

test('a server without header support says so, and takes no HPUB', async () => {
  const server = await ownServer({ workers: 1, noHeaderSupport: true })
  const client = await open(server.port, { headers: true })
  expect(client.info).not.toHaveProperty('headers')
  client.send('HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n')
  await client.expectClose()
})
