import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import {
  bracketed,
  hostPort,
  isAnyAddress,
  listenerUrls,
  parseHostPort,
  plainAddress,
} from '../../src/base/addresses.ts'

const DEFAULT = 4222

describe('a host and a port', () => {
  test.each([
    ['example.com:99', 'example.com', 99],
    ['127.0.0.1', '127.0.0.1', DEFAULT],
    ['host:0', 'host', DEFAULT],
    ['host:-1', 'host', DEFAULT],
    ['[::1]:99', '::1', 99],
    ['[::1]', '::1', DEFAULT],
    ['::1', '::1', DEFAULT],
    ['fe80::1:2', 'fe80::1:2', DEFAULT],
    [':99', '', 99],
    ['', '', DEFAULT],
    ['host:port', 'host:port', DEFAULT],
  ])('%s is taken apart', (text, host, port) => {
    expect(parseHostPort(text, DEFAULT)).toEqual({ host, port })
  })

  test.each(['example.com', '127.0.0.1', '::1', 'fe80::1:2'])('%s is found again in what is written', (host) => {
    expect(parseHostPort(hostPort(host, 77), DEFAULT)).toEqual({ host, port: 77 })
  })

  test('only an IPv6 address has brackets', () => {
    expect(['a', '10.0.0.1', '::'].map(bracketed)).toEqual(['a', '10.0.0.1', '[::]'])
  })
})

test('an IPv4 address is written as one, whichever listener its peer came to', () => {
  const addresses = ['::ffff:127.0.0.1', '127.0.0.1', '::1', '::ffff:7f00:1', '']
  expect(addresses.map(plainAddress)).toEqual(['127.0.0.1', '127.0.0.1', '::1', '::ffff:7f00:1', ''])
})

describe('a listener', () => {
  test('at one address is reached there alone', () => {
    expect(listenerUrls('nats', '127.0.0.1', 4222)).toEqual(['nats://127.0.0.1:4222'])
    expect(listenerUrls('https', '::1', 8222)).toEqual(['https://[::1]:8222'])
  })

  test('at every address is reached at each that the machine has, IPv4 first; IPv6 where it listens to that', () => {
    const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    const urls = (family: string): string[] =>
      all.filter((one) => one.family === family).map(({ address }) => `nats://${hostPort(address, 1)}`)
    expect(urls('IPv4').length).toBeGreaterThan(0)
    expect(listenerUrls('nats', '0.0.0.0', 1)).toEqual(urls('IPv4'))
    expect(listenerUrls('nats', '::', 1)).toEqual([...urls('IPv4'), ...urls('IPv6')])
    expect(['0.0.0.0', '::', '::1', '127.0.0.1'].map(isAnyAddress)).toEqual([true, true, false, false])
  })
})
