import { describe, expect, test } from 'vitest'
import { linkPrefix, pathUnder, redirection } from '../../src/monitor/paths.ts'

test.each([
  ['', '/', '/varz'],
  ['/', '/', '/varz'],
  ['foo', '/foo', '/foo/varz'],
  ['/foo', '/foo', '/foo/varz'],
  ['foo/', '/foo', '/foo/varz'],
  ['//foo//bar/', '/foo/bar', '/foo/bar/varz'],
  ['../foo', '/foo', '/foo/varz'],
  ['/é', '/\u00c3\u00a9', '/\u00c3\u00a9/varz'],
])('under %j the root is %j', (base, root, varz) => {
  expect([pathUnder(base, '/'), pathUnder(base, '/varz')]).toEqual([root, varz])
})

test.each([
  ['', './'],
  ['/', './'],
  ['/foo/', './foo/'],
  ['foo/bar', './bar/'],
  ['/a"b?', './a%22b%3F/'],
  ['/\ud800', './%EF%BF%BD/'],
])('links of the root under %j begin with %s', (base, prefix) => {
  expect(linkPrefix(base)).toBe(prefix)
})

describe('a path that is not plain', () => {
  test.each([
    ['//varz', '?a=1', '/varz?a=1'],
    ['/foo/../varz', '', '/varz'],
    ['/foo/./', '', '/foo/'],
    ['/foo/.', '', '/foo'],
    ['/../..', '', '/'],
    ['varz', '', '/varz'],
    ['//%c3%a9!*', '', '/%c3%a9%21%2A'],
    ['/%2e%2e//varz', '', '/%2e%2e/varz'],
    ['//evil.example/', '', '/evil.example/'],
    ['/\\evil.example/./', '', '/%5Cevil.example/'],
    ['//a\r\nX: y', '', '/a%0D%0AX:%20y'],
  ])('%j leads to %s', (path, query, location) => {
    expect(redirection(path, query)?.headers['Location']).toBe(location)
  })

  test('is told in HTML, in which nothing is markup', async () => {
    const [body] = (await redirection('//<b>', `?"'<`)?.body()) ?? []
    expect(body.toString()).toBe('<a href="/%3Cb%3E?&#34;&#39;&lt;">Temporary Redirect</a>.\n\n')
  })

  test.each([['/'], ['/varz'], ['/varz/'], ['/a b'], ['/...']])('is not %j', (path) => {
    expect(redirection(path, '')).toBeUndefined()
  })
})
