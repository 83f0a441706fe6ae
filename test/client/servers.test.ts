// Addresses of servers, and the pool.

import { expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/client/errors.ts'
import { parseServer, Servers } from '../../src/client/servers.ts'

const shown = (src: string) => {
  const { scheme, hostname, port, listen, path, auth } = parseServer(src, 'nats')
  return [scheme, hostname, port, listen, path, auth]
}

test('addresses in all their forms', () => {
  expect(shown('example.com')).toEqual(['nats', 'example.com', 4222, 'example.com:4222', '/', undefined])
  expect(shown('example.com:80')).toEqual(['nats', 'example.com', 80, 'example.com:80', '/', undefined])
  expect(shown(' 127.0.0.1:1 ')).toEqual(['nats', '127.0.0.1', 1, '127.0.0.1:1', '/', undefined])
  expect(shown('::1')).toEqual(['nats', '::1', 4222, '[::1]:4222', '/', undefined])
  expect(shown('[::1]:5')).toEqual(['nats', '::1', 5, '[::1]:5', '/', undefined])
  expect(shown('TLS://a')).toEqual(['tls', 'a', 4222, 'a:4222', '/', undefined])
  expect(shown('wss://a/b?c')).toEqual(['wss', 'a', 443, 'a:443', '/b?c', undefined])
  expect(shown('ws://a:8080')).toEqual(['ws', 'a', 8080, 'a:8080', '/', undefined])
  expect(shown('nats://u:p%40@h')).toEqual(['nats', 'h', 4222, 'h:4222', '/', { user: 'u', pass: 'p@' }])
  expect(shown('nats://token@h:9')).toEqual(['nats', 'h', 9, 'h:9', '/', { auth_token: 'token' }])
  expect(shown('unix:///run/a b%20.sock')).toEqual(['unix', '', 0, '/run/a b%20.sock', '/run/a b%20.sock', undefined])
  expect(shown('unix://u:p%40@/s')).toEqual(['unix', '', 0, '/s', '/s', { user: 'u', pass: 'p@' }])
  for (const wrong of ['', 'http://a', 'a:b', 'a:99999', 'nats://', 'unix://', 'unix://a', 'unix://host/a']) {
    expect(() => parseServer(wrong, 'nats'), wrong).toThrow(InvalidArgumentError)
  }
})

test('servers that were told of come and go; those configured and the current one stay', () => {
  const servers = new Servers(['a', 'b'], 'nats', false)
  const [a] = servers.pool
  expect(servers.update(['a:4222', 'c:1', 'd:1'], a)).toEqual({ added: ['c:1', 'd:1'], deleted: [] })
  expect(servers.pool.map(({ listen }) => listen)).toEqual(['a:4222', 'b:4222', 'c:1', 'd:1'])
  const c = servers.pool[2]
  expect(c).toMatchObject({ gossiped: true, tlsName: 'a' })
  servers.moveBack(a)
  expect(servers.first?.listen).toBe('b:4222')
  expect(servers.update(['e:1', 'nonsense:x'], c)).toEqual({ added: ['e:1'], deleted: ['d:1'] })
  expect(servers.pool.map(({ listen }) => listen)).toEqual(['b:4222', 'c:1', 'a:4222', 'e:1'])
  servers.remove(c)
  expect(servers.size).toBe(3)
})

test('the servers are replaced; what is known of one stays known', () => {
  const servers = new Servers(['nats://u:p@a', 'b'], 'nats', false)
  const [a] = servers.pool
  servers.update(['c:1'], a)
  a.reconnects = 3
  servers.replace(['a:4222', 'c:1', 'tls://b:4222', 'd:1'])
  expect(servers.pool[0]).toBe(a)
  expect(servers.pool.map(({ listen, scheme }) => [listen, scheme])).toEqual([
    ['a:4222', 'nats'],
    ['c:1', 'nats'],
    ['b:4222', 'tls'],
    ['d:1', 'nats'],
  ])
  // It is wanted now, whatever the cluster tells.
  expect(servers.update([], a).deleted).toEqual([])
  for (const wrong of [[], ['a', ''], ['ws://a'], ['a', 'ws://a']]) {
    expect(() => servers.replace(wrong), `${wrong}`).toThrow(InvalidArgumentError)
  }
  expect(servers.size).toBe(4)
})

test('the order is by chance, if wanted', () => {
  const addresses = Array.from({ length: 50 }, (_, i) => `host${i}`)
  const listens = (randomize: boolean) => new Servers(addresses, 'nats', randomize).pool.map(({ hostname }) => hostname)
  expect(listens(false)).toEqual(addresses)
  expect(listens(true)).not.toEqual(addresses)
  expect(listens(true).sort()).toEqual([...addresses].sort())
})
