// Wrong parameters and paths, with the texts of nats-server 2.15.2.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HeddleServer } from '../../src/index.ts'
import { startServer } from '../support/server.ts'
import { ask } from './http.ts'

describe('the monitoring pages', () => {
  let server: HeddleServer
  let monitorPort = 0

  beforeAll(async () => {
    server = await startServer({ monitorPort: -1, workers: 0 })
    monitorPort = server.monitorPort ?? 0
  })
  afterAll(() => server.close())

  it.each([
    ['/connz?subs=zz', `Error decoding boolean for 'subs': strconv.ParseBool: parsing "zz": invalid syntax`],
    ['/connz?auth=zz', `Error decoding boolean for 'auth': strconv.ParseBool: parsing "zz": invalid syntax`],
    ['/connz?limit=zz', `Error decoding int for 'limit': strconv.Atoi: parsing "zz": invalid syntax`],
    ['/connz?offset=1.5', `Error decoding int for 'offset': strconv.Atoi: parsing "1.5": invalid syntax`],
    [
      '/connz?limit=99999999999999999999',
      `Error decoding int for 'limit': strconv.Atoi: parsing "99999999999999999999": value out of range`,
    ],
    ['/connz?cid=zz', `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "zz": invalid syntax`],
    ['/connz?cid=-1', `Error decoding uint64 for 'cid': strconv.ParseUint: parsing "-1": invalid syntax`],
    ['/connz?sort=zz', 'invalid sorting option: zz'],
    ['/connz?sort=stop', 'sort by stop only valid on closed connections'],
    ['/connz?sort=reason&state=any', 'sort by reason only valid on closed connections'],
    ['/connz?state=zz', 'Error decoding state for zz'],
    ['/connz?state=zz&sort=zz', 'Error decoding state for zz'],
    ['/connz?sort=zz&acc=other', 'invalid sorting option: zz'],
    ['/subsz?subs=detail', `Error decoding boolean for 'subs': strconv.ParseBool: parsing "detail": invalid syntax`],
    ['/subsz?limit=zz', `Error decoding int for 'limit': strconv.Atoi: parsing "zz": invalid syntax`],
    ['/subsz?offset=zz', `Error decoding int for 'offset': strconv.Atoi: parsing "zz": invalid syntax`],
    ['/subsz?test=foo.*', 'invalid test subject, must be valid publish subject: foo.*'],
    ['/subsz?test=%C3%A9..', 'invalid test subject, must be valid publish subject: é..'],
    ['/healthz?details=zz', `Error decoding boolean for 'details': strconv.ParseBool: parsing "zz": invalid syntax`],
    [
      '/healthz?js-server-only=2',
      `Error decoding boolean for 'js-server-only': strconv.ParseBool: parsing "2": invalid syntax`,
    ],
  ])('%s is refused', async (path, text) => {
    const { status, headers, body } = await ask(monitorPort, path)
    expect([status, body]).toEqual([400, text])
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it.each(['/nope', '/varz/', '/debug', '/dashboard'])('%s is not found', async (path) => {
    const { status, headers, body } = await ask(monitorPort, path)
    expect([status, body]).toEqual([404, '404 page not found\n'])
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
  })
})
