// Pages under `http_base_path`, beside nats-server: which paths there are, and where the others lead.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, askJson } from '../monitor/http.ts'
import { configuredServers, startConfiguredFor } from '../support/configured-servers.ts'
import type { ServerProgram } from '../support/server.ts'

const PATHS = [
  '/',
  '/varz',
  '/nats',
  '/nats/',
  '/nats/mon',
  '/nats/mon/',
  '/nats/mon/varz',
  '/nats/mon/varz/',
  '/nats/mon/debug/vars',
  '/nats/mon/healthz',
  '/nats/mon/nothing',
  '/%2e%2e/nats/mon/varz',
  '/nats/mon/v%61rz',
  '/debug/vars',
]

const UNPLAIN = ['/nats/mon//varz?subs=%20&x="\'', '/nats/mon/../varz', '/nats/./mon', '//nats/mon', '//nats!*()']

/** The base path, each time as somebody else would write it. */
const WRITTEN = ['nats/mon', '/nats//mon/']

describe.each(configuredServers('http_base_path'))('$name', (server) => {
  let programs: ServerProgram[] = []
  let ports: number[] = []
  beforeAll(async () => {
    const start = (base: string): Promise<ServerProgram> =>
      startConfiguredFor(server, `http: "127.0.0.1:-1"\nhttp_base_path: "${base}"`)
    programs = await Promise.all(WRITTEN.map(start))
    ports = await Promise.all(
      programs.map(async (program) => Number((await program.until(/Starting http monitor on \S+:(\d+)/))[1])),
    )
  })
  afterAll(() => Promise.all(programs.map((program) => program.stop())))

  test('pages are there and nowhere else, however the path is written', async () => {
    for (const port of ports) {
      const there: string[] = []
      for (const path of PATHS) {
        const { status } = await ask(port, path)
        expect([200, 404]).toContain(status)
        if (status === 200) there.push(path)
      }
      expect(there).toEqual([
        '/nats/mon',
        '/nats/mon/varz',
        '/nats/mon/debug/vars',
        '/nats/mon/healthz',
        '/nats/mon/v%61rz',
      ])
    }
  })

  test('/varz tells it as it was written, and counts pages without it', async () => {
    for (const [i, port] of ports.entries()) {
      await ask(port, '/nats/mon')
      const varz = await askJson<{ http_base_path: string; http_req_stats: object }>(port, '/nats/mon/varz')
      expect(varz.http_base_path).toBe(WRITTEN[i])
      expect(Object.keys(varz.http_req_stats)).toEqual(expect.arrayContaining(['/', '/varz']))
    }
  })

  test('links of the root lead to pages', async () => {
    const { body } = await ask(ports[0], '/nats/mon')
    const links = [...body.matchAll(/(?:href|src)="?(\.[^\s">]+)/g)].map(([, link]) => link)
    expect(links.length).toBeGreaterThan(10)
    for (const link of links) {
      expect(link).toMatch(/^\.\/(?:nats\/)?mon\//)
      if (server.name === 'nats-server') continue // its links are those of a proxy that shows `/nats/mon` as `/`
      const { pathname } = new URL(link, 'http://x/nats/mon')
      expect([link, (await ask(ports[0], pathname)).status]).toEqual([link, 200])
    }
  })

  test('paths that are not plain lead to those that are', async () => {
    const answers = []
    for (const path of UNPLAIN) {
      const { status, headers, body } = await ask(ports[0], path)
      answers.push([status, headers['location'], headers['content-type'], body])
    }
    const html = 'text/html; charset=utf-8'
    const page = (link: string): string => `<a href="${link}">Temporary Redirect</a>.\n\n`
    expect(answers).toEqual([
      [307, '/nats/mon/varz?subs=%20&x="\'', html, page('/nats/mon/varz?subs=%20&amp;x=&#34;&#39;')],
      [307, '/nats/varz', html, page('/nats/varz')],
      [307, '/nats/mon', html, page('/nats/mon')],
      [307, '/nats/mon', html, page('/nats/mon')],
      [307, '/nats%21%2A%28%29', html, page('/nats%21%2A%28%29')],
    ])
  })
})
