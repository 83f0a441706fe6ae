// HTTP from peers that mean no good, or do not speak it: what they get, and that others notice nothing.

import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { HTTP_PIPELINED_MAX } from '../../src/base/constants.ts'
import { Gateway } from '../support/http-gateway.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { until, within } from '../support/until.ts'

const statuses = (text: string): string[] => [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)

const post = (path: string, more = '', body = ''): string =>
  `POST /v1/subjects/${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`

/** What was published. */
async function listener(way: Gateway): Promise<{ seen: string[]; flush(): Promise<void> }> {
  const nc = await way.nats()
  const seen: string[] = []
  nc.subscribe('>', { callback: (_, message) => void seen.push(`${message.subject} ${message.string()}`) })
  await nc.flush()
  return { seen, flush: () => nc.flush() }
}

test('what is not HTTP is refused and closed', async () => {
  const way = await Gateway.start()
  for (const bytes of ['CONNECT {}\r\nPING\r\n', 'GET / HTTP/9.9\r\n\r\n', '\0\0\0', '\x16\x03\x01\x00\x05hello']) {
    expect(statuses(await way.raw(bytes)), JSON.stringify(bytes)).toEqual(['400'])
  }
  expect(statuses(await way.raw('POST /v1/subjects/a HTTP/1.1\r\nContent-Length: 0\r\n\r\n'))).toEqual(['400'])
})

test('two lengths, or a length and chunks, are refused: what follows is not a request', async () => {
  const way = await Gateway.start()
  const { seen, flush } = await listener(way)
  const hidden = post('hidden')
  const heads = [
    'Content-Length: 0\r\nContent-Length: 5',
    `Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked`,
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: xchunked',
    'Content-Length: +5',
    'Content-Length : 5',
    'Content-Length: 0x5',
    ' Content-Length: 5',
  ]
  for (const head of heads) {
    const text = await way.raw(`POST /v1/subjects/shown HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n0\r\n\r\n${hidden}`)
    expect(
      statuses(text).filter((status) => status !== '400'),
      head,
    ).toEqual([])
  }
  await flush()
  expect(seen).toEqual([])
})

test('a head that is too long is refused, and not read to its end', async () => {
  const way = await Gateway.start()
  const text = await way.raw(`POST /v1/subjects/a HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100_000)}`)
  expect(statuses(text).filter((status) => status !== '431')).toEqual([])
  expect(statuses(await way.raw(`POST /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`))).toEqual(['431'])
})

test('headers of a message cannot become anything else', async () => {
  const way = await Gateway.start()
  const { seen, flush } = await listener(way)
  for (const value of ['a\rb', 'a\nb', 'a\0b', 'a\r\n\tb']) {
    const text = await way.raw(post('a', `Nats-X: ${value}\r\nConnection: close\r\n`))
    expect(
      statuses(text).filter((status) => status !== '400'),
      JSON.stringify(value),
    ).toEqual([])
  }
  expect(statuses(await way.raw(post('a', 'Nats-Header-: x\r\nConnection: close\r\n')))).toEqual(['400'])
  await flush()
  expect(seen).toEqual([])
})

test('an answer’s headers cannot split the answer', async () => {
  const way = await Gateway.start()
  const replier = connectSocket(way.server.port, '127.0.0.1')
  onTestFinished(() => void replier.destroy())
  replier.write('CONNECT {"verbose":false,"headers":true}\r\nSUB ask 1\r\nPING\r\n')
  let said = ''
  replier.on('data', (bytes) => {
    said += bytes.toString('latin1')
    const inbox = /MSG ask 1 (\S+) 0\r\n/.exec(said)?.[1]
    if (inbox === undefined) return
    said = ''
    const block =
      'NATS/1.0\r\nA: b\rSet-Cookie: c\r\nB\rC: d\r\nE: \x01\r\nTransfer-Encoding: chunked\r\nGood: yes\r\n\r\n'
    replier.write(`HPUB ${inbox} ${block.length} ${block.length + 2}\r\n${block}ok\r\n`)
  })
  await until('the subscription', () => said.includes('PONG'))
  const text = await way.raw(
    'POST /v1/requests/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  )
  const [head, body] = text.split('\r\n\r\n')
  expect(body).toBe('ok')
  expect(head).not.toMatch(/\r(?!\n)|^(?:Set-Cookie|Transfer-Encoding)/im)
  expect(head).toContain('Nats-Header-Good: yes')
})

test('requests that are sent all at once are answered in their order, a bounded number of them', async () => {
  const way = await Gateway.start()
  const { seen, flush } = await listener(way)
  const few = Array.from({ length: HTTP_PIPELINED_MAX - 1 }, (_, i) => post('n', '', `${i}`)).join('')
  const text = await way.raw(few + post('last', 'Connection: close\r\n'))
  expect(statuses(text)).toEqual(Array.from({ length: HTTP_PIPELINED_MAX }, () => '204'))
  await flush()
  expect(seen).toEqual([...Array.from({ length: HTTP_PIPELINED_MAX - 1 }, (_, i) => `n ${i}`), 'last '])
  const nc = await way.nats()
  nc.subscribe('silent', { callback: () => undefined })
  await nc.flush()
  const asking = 'POST /v1/requests/silent HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
  expect(statuses(await way.raw(asking.repeat(1000)))).toEqual([])
})

test('who goes away in the middle leaves nothing behind', async () => {
  const way = await Gateway.start({ monitorPort: -1 })
  const nc = await way.nats()
  nc.subscribe('silent', { callback: () => undefined })
  await nc.flush()
  for (const bytes of [
    'POST /v1/subj',
    'POST /v1/subjects/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf',
    'POST /v1/requests/silent HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    'GET /v1/subjects/a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n',
  ]) {
    const socket = connectSocket(way.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(bytes)
    const before = nc.stats().inMsgs
    if (bytes.includes('silent')) await until('the request', () => nc.stats().inMsgs > before || nc.stats().inMsgs > 0)
    if (bytes.startsWith('GET')) await once(socket, 'readable')
    socket.destroy()
  }
  const url = `http://127.0.0.1:${way.server.monitorPort}`
  const open = async (): Promise<number> =>
    ((await (await fetch(`${url}/varz`)).json()) as { connections: number }).connections
  await until('only the NATS client to be there', async () => (await open()) === 1)
})

test('who says nothing, or not all, is closed after a while', async () => {
  const way = await Gateway.start()
  expect(await Promise.all([way.raw(), way.raw('POST /v1/subjects/a HTTP/1.1\r\nHost:')])).toEqual(['', ''])
})

test('a body that is awaited but not wanted is not asked for', async () => {
  const way = await Gateway.start({ maxPayload: 10 })
  const head = 'POST /v1/subjects/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n'
  expect(statuses(await way.raw(`${head}Content-Length: 11\r\n\r\n`))).toEqual(['413'])
  const socket = connectSocket(way.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write(`${head}Content-Length: 5\r\nConnection: close\r\n\r\n`)
  const [told] = await within('100 Continue', once(socket, 'data'))
  expect(String(told)).toMatch(/^HTTP\/1\.1 100 Continue/)
  socket.write('hello')
  const [answer] = await within('the answer', once(socket, 'data'))
  expect(statuses(String(answer))).toEqual(['204'])
})

/** Pieces of requests, good and bad, put together by chance. */
const PIECES = [
  'POST ',
  'GET ',
  'OPTIONS ',
  '/v1/subjects/',
  '/v1/requests/',
  'a.b',
  'a%2',
  '*',
  '%3E',
  '?timeout=1ms',
  '?queue=q',
  ' HTTP/1.1\r\n',
  ' HTTP/1.0\r\n',
  'Host: a\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Expect: 100-continue\r\n',
  'Accept: text/event-stream\r\n',
  'Authorization: Basic YTpi\r\n',
  'Nats-X: y\r\n',
  'nats-header-: z\r\n',
  'Origin: http://a\r\n',
  'Upgrade: websocket\r\n',
  'Connection: upgrade\r\n',
  'Connection: close\r\n',
  '\r\n',
  '\r\n\r\n',
  'abc',
  '3\r\nabc\r\n0\r\n\r\n',
  '\0',
  '\xff',
  ': ',
  '\n',
] as const

test('chance finds nothing that ends more than its own connection', async () => {
  const way = await Gateway.start()
  const random = new Random(chooseSeed('the HTTP gateway'))
  const { seen, flush } = await listener(way)
  const bugs: string[] = []
  for (let round = 0; round < 30; round++) {
    const socket = (): Promise<string> => {
      const count = 1 + random.below(25)
      const bytes = Array.from({ length: count }, () => PIECES[random.below(PIECES.length)]).join('')
      return new Promise((resolve) => {
        const peer = connectSocket(way.port, '127.0.0.1')
        let text = ''
        peer.on('error', () => undefined)
        peer.on('data', (data) => {
          text += data.toString('latin1')
        })
        peer.on('close', () => resolve(text))
        peer.end(Buffer.from(bytes, 'latin1'))
      })
    }
    for (const text of await within('the end of all', Promise.all(Array.from({ length: 20 }, socket)))) {
      if (statuses(text).includes('500')) bugs.push(text)
    }
  }
  expect(bugs).toEqual([])
  expect((await way.post('/v1/subjects/fine', 'after all')).status).toBe(204)
  await flush()
  expect(seen.at(-1)).toBe('fine after all')
})
