// What requests ask for, by their method, URL and Accept.

import { expect, test } from 'vitest'
import { isProblem } from '../../src/http/problems.ts'
import { readWish } from '../../src/http/wish.ts'

const wish = (method: string, url: string, accept?: string) => {
  const answer = readWish({ method, url, headers: { accept } }, 5000)
  return isProblem(answer) ? answer.code : answer
}

test('a publish, a request, a stream', () => {
  expect(wish('POST', '/v1/subjects/a.b')).toEqual({ kind: 'publish', subject: 'a.b' })
  expect(wish('POST', 'http://host/v1/subjects/a%2Fb')).toEqual({ kind: 'publish', subject: 'a/b' })
  expect(wish('POST', '/v1/requests/a')).toEqual({ kind: 'request', subject: 'a', timeoutMs: 5000 })
  expect(wish('POST', '/v1/requests/a?timeout=1.5s')).toEqual({ kind: 'request', subject: 'a', timeoutMs: 1500 })
  const stream = { kind: 'stream', filter: 'a.*.>', queue: '' }
  expect(wish('GET', '/v1/subjects/a.*.%3E', 'text/event-stream')).toEqual(stream)
  expect(wish('GET', '/v1/subjects/a.*.>', 'text/html, Text/Event-Stream;q=0.9')).toEqual(stream)
  expect(wish('GET', '/v1/subjects/a?queue=q%C3%A9', 'text/event-stream')).toMatchObject({ queue: 'qé' })
})

test('what cannot be is refused', () => {
  expect(wish('GET', '/v1/subjects/a', '*/*')).toBe('not_acceptable')
  expect(wish('GET', '/v1/subjects/a')).toBe('not_acceptable')
  expect(wish('DELETE', '/v1/subjects/a')).toBe('method_not_allowed')
  expect(wish('GET', '/v1/requests/a')).toBe('method_not_allowed')
  for (const path of ['', '*', '/v1', '/v1/subjects/', '/v2/subjects/a', '/v1/subjects/a/', '//v1/subjects/a']) {
    expect(wish('POST', path), path).toBe('not_found')
  }
  for (const subject of ['%', '%ff', '%20', 'a%09', 'a%0A', 'a%7F', 'a%00', '.a', 'a.', '*', 'a.%3E']) {
    expect(wish('POST', `/v1/subjects/${subject}`), subject).toBe('bad_request')
  }
  for (const query of ['timeout', 'timeout=', 'timeout=0s', 'timeout=1h', 'timeout=x', 'queue=q', 'timeout=1s&a=b']) {
    expect(wish('POST', `/v1/requests/a?${query}`), query).toBe('bad_request')
  }
  for (const query of ['queue=a+b', 'queue=%0D', 'timeout=1s']) {
    expect(wish('GET', `/v1/subjects/a?${query}`, 'text/event-stream'), query).toBe('bad_request')
  }
})
