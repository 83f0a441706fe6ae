import { createSecureContext } from 'node:tls'
import { expect, test } from 'vitest'
import { chooseCurves, chooseSuites } from '../../src/tls/cipher-suites.ts'
import type { Result } from '../../src/tls/pem.ts'

function listOf(choice: Result<string>): string[] {
  if ('error' in choice) throw new Error(choice.error)
  return choice.value.split(':')
}

test('by default all suites that are not insecure are on, those of TLS 1.3 first', () => {
  const list = listOf(chooseSuites([]))
  expect(list.slice(0, 3)).toEqual(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])
  expect(list).toContain('ECDHE-ECDSA-AES128-GCM-SHA256')
  expect(list.filter((name) => /^AES|-SHA256$|RC4|DES/.test(name) && !name.includes('GCM'))).toEqual([])
  expect(() => createSecureContext({ ciphers: list.join(':') })).not.toThrow()
})

test('the order in a config says nothing, and TLS 1.3 cannot be turned off', () => {
  const names = ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256']
  const list = listOf(chooseSuites(names))
  expect(list.slice(3)).toEqual(['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384'])
  expect(listOf(chooseSuites(names.toReversed()))).toEqual(list)
})

test('an insecure suite is on only if it is named', () => {
  expect(listOf(chooseSuites(['TLS_RSA_WITH_AES_128_GCM_SHA256'])).slice(3)).toEqual(['AES128-GCM-SHA256'])
})

test.each([
  [['TLS_FOO'], 'unrecognized cipher TLS_FOO'],
  [[''], 'unrecognized cipher '],
  [['ECDHE-RSA-AES128-GCM-SHA256'], 'unrecognized cipher ECDHE-RSA-AES128-GCM-SHA256'],
])('the suites %j are refused', (names, error) => {
  expect(chooseSuites(names)).toEqual({ error })
})

test('a suite that OpenSSL was built without is refused, not left out in silence', () => {
  const error = `cipher TLS_RSA_WITH_RC4_128_SHA is not available with OpenSSL ${process.versions.openssl}`
  expect(chooseSuites(['TLS_RSA_WITH_RC4_128_SHA', 'TLS_AES_128_GCM_SHA256'])).toEqual({ error })
})

test('curves keep their order, and the default begins with the one that quantum computers do not break', () => {
  expect(chooseCurves(['CurveP384', 'X25519'])).toEqual({ value: 'P-384:X25519' })
  const all = chooseCurves([])
  expect(all).toEqual({ value: 'X25519MLKEM768:SecP384r1MLKEM1024:SecP256r1MLKEM768:X25519:P-256:P-384:P-521' })
  expect(() => createSecureContext({ ecdhCurve: 'value' in all ? all.value : '' })).not.toThrow()
})

test.each([[['P-256'], 'unrecognized curve preference P-256']])('the curves %j are refused', (names, error) => {
  expect(chooseCurves(names)).toEqual({ error })
})
