// What is said to both servers about mirrors and sources, by what it is about. All streams are deleted when a talk is
// over.

import type { Members, Talk } from '../talk.ts'

const WAIT_MS = 20
const PATIENCE_MS = 15_000

interface State {
  readonly messages: number
  readonly first_seq: number
  readonly last_seq: number
}

interface Info {
  readonly state: State
  readonly mirror?: Members
  readonly sources?: readonly Members[]
}

/** A request that is no part of the record. */
async function unrecorded<T>(talk: Talk, subject: string, body: unknown = ''): Promise<T> {
  const payload = body === '' ? '' : JSON.stringify(body)
  return (await talk.connection.request(`$JS.API.${subject}`, payload, { timeout: 10_000 })).json() as T
}

/** Waits until a stream has come so far. */
async function reached(talk: Talk, stream: string, isThere: (info: Info) => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const info = await unrecorded<Info>(talk, `STREAM.INFO.${stream}`)
    if (isThere(info)) return
    if (Date.now() > end) {
      talk.record.push({ stream, stays: info.state })
      return
    }
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
  }
}

const hasLast = (seq: number) => (info: Info) => info.state.last_seq >= seq

interface Stored {
  readonly message?: { readonly subject: string; readonly seq: number; readonly hdrs?: string; readonly data?: string }
}

/** Puts all messages of a stream, and what is known of its origins, into the record; `from`: where they are told. */
async function look(talk: Talk, stream: string): Promise<void> {
  const info = await unrecorded<Info>(talk, `STREAM.INFO.${stream}`)
  const { messages, first_seq: first, last_seq: last } = info.state
  const origins = [info.mirror, ...(info.sources ?? [])].filter((each) => each !== undefined).map(maskedOrigin)
  talk.record.push({ stream, messages, first, last, origins: origins.sort() })
  for (let seq = Math.max(1, first); seq <= last; seq++) {
    const { message } = await unrecorded<Stored>(talk, `STREAM.MSG.GET.${stream}`, { seq })
    const headers = Buffer.from(message?.hdrs ?? '', 'base64').toString()
    const data = Buffer.from(message?.data ?? '', 'base64').toString()
    talk.record.push([seq, message?.subject, headers.replaceAll(IDENTITY, '$1 identity'), data])
  }
}

const IDENTITY = /(Nats-Stream-Source: .*) \w{8}(?=\r)/g

/** What is said of an origin, without what is by chance. */
function maskedOrigin({ active, ...rest }: Members): string {
  return JSON.stringify({ ...rest, active: Number(active) < 0 ? 'never' : 'some' })
}

const COUNTERS = { allow_msg_counter: true, allow_direct: true } as const

const add = (talk: Talk, subject: string, increment: string, more: Readonly<Record<string, string>> = {}) =>
  talk.put(subject, '', { 'Nats-Incr': increment, ...more })

/** An entry whose messages have subjects under another name here. */
const renamed = (name: string, from: string, to: string): Members => ({
  name,
  subject_transforms: [{ src: `${from}.>`, dest: `${to}.>` }],
})

const remove = async (talk: Talk, ...streams: readonly string[]): Promise<void> => {
  for (const stream of streams) await unrecorded(talk, `STREAM.DELETE.${stream}`)
}

/** A request with a configuration, whose answer may have origins, in any order. */
async function settle(talk: Talk, verb: 'CREATE' | 'UPDATE', name: string, more: Members): Promise<void> {
  await talk.api(`STREAM.${verb}.${name}`, { name, storage: 'memory', ...more })
  const said = talk.record.at(-1) as { answer: { mirror?: Members; sources?: readonly Members[] } }
  const { mirror: one, sources: several, ...answer } = said.answer
  // What is known of an origin that was not heard yet depends on the moment.
  const all: readonly Members[] = [...(one === undefined ? [] : [one]), ...(several ?? [])]
  const heard = all.filter(({ active }) => Number(active) >= 0)
  talk.record[talk.record.length - 1] = { ...said, answer, origins: heard.map(maskedOrigin).sort() }
}

const create = (talk: Talk, name: string, more: Members) => settle(talk, 'CREATE', name, more)
const update = (talk: Talk, name: string, more: Members) => settle(talk, 'UPDATE', name, more)

/** Streams that are refused, or created and go again. */
const tried =
  (...configs: readonly Members[]) =>
  async (talk: Talk): Promise<void> => {
    await talk.stream('S', { max_msg_size: 100, allow_direct: true })
    for (const config of configs) {
      await create(talk, 'M', config)
      await remove(talk, 'M')
    }
  }

const mirror = (more: Members = {}): Members => ({ mirror: { name: 'S', ...more } })
const sources = (...entries: readonly Members[]): Members => ({
  sources: entries.map((each) => ({ name: 'S', ...each })),
})

export const SOURCE_TALKS: Readonly<Record<string, (talk: Talk) => Promise<void>>> = {
  'configurations of mirrors': tried(
    mirror(),
    { mirror: {} },
    { mirror: { name: 'a.b' } },
    { mirror: { name: 'Nobody' } },
    { mirror: { name: 'M' } },
    { ...mirror(), subjects: ['x'] },
    { ...mirror(), subjects: ['x'], sources: [{ name: 'S' }] },
    { ...mirror(), sources: [{ name: 'S' }] },
    { ...mirror(), first_seq: 7 },
    { ...mirror(), allow_atomic: true },
    { ...mirror(), allow_batched: true },
    { ...mirror(), allow_msg_counter: true },
    { ...mirror(), subject_delete_marker_ttl: 1e9 },
    { ...mirror(), subject_delete_marker_ttl: 1e9, allow_msg_ttl: true, allow_rollup_hdrs: true },
    { ...mirror(), max_msg_size: 10 },
    { ...mirror(), mirror_direct: false, pedantic: true },
    { ...mirror(), mirror_direct: true, pedantic: true },
    { mirror_direct: true },
    { ...mirror(), duplicate_window: 1e9 },
    mirror({ filter_subject: 'S.x' }),
    mirror({ filter_subject: 'S..x' }),
    mirror({ opt_start_seq: 2 }),
    mirror({ opt_start_seq: 2, opt_start_time: '2024-01-01T00:00:00Z' }),
    mirror({ filter_subject: 'S.x', subject_transforms: [{ src: 'S.>', dest: 'T.>' }] }),
    mirror({ subject_transforms: [{ src: 'S..', dest: 'T.>' }] }),
    mirror({ subject_transforms: [{ src: 'S.*', dest: 'T.$2' }] }),
    mirror({ subject_transforms: [{ src: 'S.*', dest: '' }] }),
    mirror({ subject_transforms: [{ src: '', dest: '' }] }),
    mirror({
      subject_transforms: [
        { src: 'S.a', dest: 'T.a' },
        { src: 'S.*', dest: 'T.*' },
      ],
    }),
    mirror({
      subject_transforms: [
        { src: 'S.a', dest: 'T.a' },
        { src: 'S.b', dest: 'T.b' },
      ],
    }),
    mirror({ consumer: { name: 'a.b', deliver_subject: 'x' } }),
    mirror({ consumer: { name: 'C', deliver_subject: 'x.*' } }),
    mirror({ consumer: { name: 'C' } }),
    mirror({ consumer: { name: 'C', deliver_subject: 'x' }, opt_start_seq: 1 }),
    mirror({ consumer: { name: 'C', deliver_subject: 'x' }, filter_subject: 'S.x' }),
    mirror({ external: { api: 'far.>', deliver: 'x' } }),
    mirror({ external: { api: '$JS.API', deliver: 'x' } }),
    mirror({ external: { api: 'far.API', deliver: 'x.>' } }),
    mirror({ external: { api: 'far.API', deliver: '' } }),
    mirror({ external: { api: 'far.API', deliver: 'x' } }),
    mirror({ external: {} }),
    mirror({ unknown: 1 }),
    { mirror: 7 },
  ),
  'configurations of sources': tried(
    sources({}),
    { sources: [{}] },
    { sources: [{ name: 'a b' }] },
    { sources: [{ name: 'Nobody' }] },
    { sources: [{ name: 'M' }] },
    { sources: [{ name: 'M', filter_subject: 'x' }], subjects: ['y'] },
    { sources: [{ name: 'M', filter_subject: 'x' }], subjects: ['x'] },
    sources({}, {}),
    sources({}, { filter_subject: '>' }),
    sources({ filter_subject: 'S.a' }, { filter_subject: 'S.b' }),
    sources({ filter_subject: 'S.a' }, { subject_transforms: [{ src: 'S.a', dest: 'x' }] }),
    sources({ filter_subject: 'S.a', subject_transforms: [{ src: 'S.a', dest: 'x' }] }),
    sources({ subject_transforms: [{ src: 'S..', dest: 'x' }] }),
    sources({ subject_transforms: [{ src: 'S.*', dest: 'T.$2' }] }),
    sources({
      subject_transforms: [
        { src: 'S.*', dest: 'T.$1' },
        { src: 'S.a', dest: 'x' },
      ],
    }),
    sources({
      subject_transforms: [
        { src: 'S.a', dest: 'x' },
        { src: 'S.b', dest: 'y' },
      ],
    }),
    sources({ consumer: { name: 'C', deliver_subject: '' } }),
    sources({ consumer: { name: 'C', deliver_subject: 'x' }, opt_start_seq: 3 }),
    sources({ consumer: { name: 'C', deliver_subject: 'x' } }, { consumer: { name: 'C', deliver_subject: 'y' } }),
    sources({ consumer: { name: 'C', deliver_subject: 'x' } }, { consumer: { name: 'D', deliver_subject: 'y' } }),
    sources(
      {
        consumer: { name: 'C', deliver_subject: 'x' },
        subject_transforms: [{ src: 'S.a', dest: 'x' }],
      },
      { consumer: { name: 'C', deliver_subject: 'y' } },
    ),
    sources({ filter_subject: 'S..x' }),
    sources({ opt_start_seq: 5 }),
    sources({ opt_start_time: '2024-01-01T00:00:00.5Z' }),
    sources({ opt_start_time: 'yesterday' }),
    { ...sources({}), subjects: ['M.>'] },
    { ...sources({}), subjects: ['S.x'] },
    { ...sources({}), ...COUNTERS },
    { ...sources({}), max_msg_size: 10 },
    { ...sources({}), duplicate_window: 1e9 },
    sources({}, { external: { api: 'far.API', deliver: 'S' } }),
    sources({}, { external: { api: 'far.API', deliver: 'x' } }),
    sources({ external: { api: '$JS.*', deliver: '' } }),
  ),
  cycles: async (talk) => {
    await create(talk, 'A', { subjects: ['a'], sources: [{ name: 'B' }] })
    await create(talk, 'B', { subjects: ['b'], sources: [{ name: 'A' }] })
    await create(talk, 'B', { mirror: { name: 'A' } })
    await create(talk, 'B', { subjects: ['b'], sources: [{ name: 'C' }] })
    await create(talk, 'C', { mirror: { name: 'A' } })
    await create(talk, 'C', { subjects: ['c'] })
    await update(talk, 'C', { subjects: ['c'], sources: [{ name: 'A' }] })
    await update(talk, 'C', { subjects: ['c'], sources: [{ name: 'A', filter_subject: 'c' }] })
    await update(talk, 'C', { subjects: ['c'], sources: [{ name: 'A', filter_subject: 'zzz' }] })
    await create(talk, 'D', { sources: [{ name: 'A' }, { name: 'B' }] })
    await remove(talk, 'A', 'B', 'C', 'D')
  },
  'a mirror has what its origin has, at the same places': async (talk) => {
    await talk.stream('S', { max_msgs_per_subject: 2 })
    await talk.put('S.a', 'one', { 'Nats-Msg-Id': 'x', Own: 'header' })
    await talk.put('S.b', 'two', { 'Nats-Expected-Last-Sequence': '1', 'Nats-Expected-Stream': 'S' })
    await talk.fill('S.c', 5)
    await talk.api('STREAM.MSG.DELETE.S', { seq: 2 })
    await create(talk, 'M', mirror())
    await reached(talk, 'M', hasLast(7))
    await look(talk, 'M')
    await talk.fill('S.d', 3)
    await talk.put('S.e', 'last')
    await reached(talk, 'M', hasLast(11))
    await look(talk, 'M')
    await talk.api('STREAM.PURGE.S')
    await talk.put('S.f', 'behind')
    await reached(talk, 'M', hasLast(12))
    await look(talk, 'M')
    await talk.api('CONSUMER.NAMES.S')
    await talk.api('STREAM.INFO.S')
    await talk.api('STREAM.NAMES')
    await talk.api('STREAM.NAMES', { subject: 'S.a' })
    await remove(talk, 'M')
  },
  'a mirror begins where it is told': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.a', 10)
    await create(talk, 'M', mirror({ opt_start_seq: 8 }))
    await reached(talk, 'M', hasLast(10))
    await look(talk, 'M')
    await remove(talk, 'M')
    await talk.api('STREAM.PURGE.S', { seq: 6 })
    await create(talk, 'M', mirror())
    await reached(talk, 'M', hasLast(10))
    await look(talk, 'M')
    await remove(talk, 'M')
    await create(talk, 'M', mirror({ opt_start_time: '2024-01-01T00:00:00Z' }))
    await reached(talk, 'M', hasLast(10))
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'a mirror of some subjects, which it calls otherwise': async (talk) => {
    await talk.stream('S')
    for (const subject of ['S.a.1', 'S.b.2', 'S.a.3', 'S.c.4', 'S.b.5']) await talk.put(subject, subject)
    await create(talk, 'M', mirror({ filter_subject: 'S.a.*' }))
    await reached(talk, 'M', (info) => info.state.messages === 2)
    await look(talk, 'M')
    await remove(talk, 'M')
    const transforms = [
      { src: 'S.a.*', dest: 'T.$1.a' },
      { src: 'S.b.>', dest: '' },
    ]
    await create(talk, 'M', mirror({ subject_transforms: transforms }))
    await reached(talk, 'M', (info) => info.state.messages === 4)
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'a mirror with limits of its own': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.a', 6)
    await create(talk, 'M', { ...mirror(), max_msgs: 3 })
    await reached(talk, 'M', hasLast(6))
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'nobody publishes into a mirror, until it is none any more': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.a', 2)
    await create(talk, 'M', mirror())
    await reached(talk, 'M', hasLast(2))
    await update(talk, 'M', { ...mirror(), subjects: ['m.>'] })
    await update(talk, 'M', mirror({ opt_start_seq: 3 }))
    await update(talk, 'M', { mirror: { name: 'T' } })
    await update(talk, 'M', { ...mirror(), max_msgs: 10 })
    await update(talk, 'M', { subjects: ['m.>'] })
    await talk.put('m.x', 'own')
    await talk.put('S.a', 'not for it')
    await look(talk, 'M')
    await update(talk, 'M', { ...mirror() })
    await update(talk, 'S', { subjects: ['S.>'], ...{ mirror: { name: 'M' } } })
    await remove(talk, 'M')
  },
  'an origin that comes later': async (talk) => {
    await create(talk, 'M', mirror())
    await create(talk, 'N', sources({}))
    await reached(talk, 'M', (info) => info.mirror?.['error'] !== undefined)
    await reached(talk, 'N', (info) => info.sources?.[0]['error'] !== undefined)
    await look(talk, 'M')
    await look(talk, 'N')
    await remove(talk, 'M', 'N')
  },
  'a stream of several sources, with subjects of its own': async (talk) => {
    await talk.stream('S')
    await create(talk, 'T', { subjects: ['t.>'] })
    await create(talk, 'M', { subjects: ['m.>'], sources: [{ name: 'S' }, { name: 'T' }] })
    await talk.put('m.1', 'own')
    await talk.put('S.1', 'of S', { 'Nats-Msg-Id': 'a', 'Nats-Expected-Last-Sequence': '0', Own: 'header' })
    await reached(talk, 'M', hasLast(2))
    await talk.put('t.1', 'of T')
    await reached(talk, 'M', hasLast(3))
    await talk.put('S.2', 'of S again')
    await reached(talk, 'M', hasLast(4))
    await look(talk, 'M')
    await talk.put('m.2', 'forged', { 'Nats-Stream-Source': 'S 1 > > S.1' })
    await talk.api('CONSUMER.NAMES.S')
    await remove(talk, 'M', 'T')
  },
  'an origin in several parts': async (talk) => {
    await talk.stream('S')
    const entries = [
      { filter_subject: 'S.a' },
      {
        subject_transforms: [
          { src: 'S.b.*', dest: 'B.$1' },
          { src: 'S.c', dest: '' },
        ],
      },
    ]
    await create(talk, 'M', sources(...entries))
    for (const [i, subject] of ['S.a', 'S.b.1', 'S.c', 'S.d', 'S.a'].entries()) {
      await talk.put(subject, subject)
      await reached(talk, 'M', hasLast([1, 2, 3, 3, 4][i]))
    }
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'sources of sources, and a mirror of those': async (talk) => {
    await talk.stream('S')
    await create(talk, 'M', sources({}))
    await create(talk, 'N', { sources: [{ name: 'M' }] })
    await create(talk, 'O', { mirror: { name: 'N' } })
    await talk.put('S.1', 'far')
    await reached(talk, 'O', hasLast(1))
    for (const stream of ['M', 'N', 'O']) await look(talk, stream)
    await remove(talk, 'M', 'N', 'O')
  },
  'what is sourced is known again by its id': async (talk) => {
    await talk.stream('S', { duplicate_window: 1e9 * 60 })
    await create(talk, 'T', { subjects: ['t.>'] })
    await create(talk, 'M', { sources: [{ name: 'S' }, { name: 'T' }], duplicate_window: 60e9 })
    await talk.put('S.1', 'first', { 'Nats-Msg-Id': 'a' })
    await reached(talk, 'M', hasLast(1))
    await talk.put('t.1', 'second', { 'Nats-Msg-Id': 'a' })
    await talk.put('t.2', 'third', { 'Nats-Msg-Id': 'b' })
    await reached(talk, 'M', hasLast(2))
    await look(talk, 'M')
    await remove(talk, 'M', 'T')
  },
  'sources that are added, removed and added again': async (talk) => {
    await talk.stream('S')
    await create(talk, 'T', { subjects: ['t.>'] })
    await talk.put('S.1', 'of S')
    await talk.put('t.1', 'of T')
    await create(talk, 'M', sources({}))
    await reached(talk, 'M', hasLast(1))
    await update(talk, 'M', { sources: [{ name: 'S' }, { name: 'T' }] })
    await reached(talk, 'M', hasLast(2))
    await update(talk, 'M', { sources: [{ name: 'T' }] })
    await talk.put('S.2', 'later')
    await talk.put('t.2', 'of T again')
    await reached(talk, 'M', hasLast(3))
    await update(talk, 'M', { sources: [{ name: 'S' }, { name: 'T' }] })
    await reached(talk, 'M', hasLast(4))
    await look(talk, 'M')
    await update(talk, 'M', { subjects: ['m'] })
    await look(talk, 'M')
    await remove(talk, 'M', 'T')
  },
  'what is taken from a queue goes from there': async (talk) => {
    for (const retention of ['workqueue', 'interest']) {
      await talk.stream('S', { retention })
      await create(talk, 'M', sources({}))
      await reached(talk, 'S', (info) => (info.state as unknown as Members)['consumer_count'] === 1)
      await talk.fill('S.a', 3)
      await reached(talk, 'M', hasLast(3))
      await reached(talk, 'S', (info) => info.state.messages === 0)
      await look(talk, 'M')
      await remove(talk, 'M')
      await reached(talk, 'S', (info) => (info.state as unknown as Members)['consumer_count'] === 0)
      await remove(talk, 'S')
    }
  },
  'an origin with a consumer that is there already': async (talk) => {
    await talk.stream('S', { retention: 'workqueue' })
    const flow = { ack_policy: 'flow_control', deliver_subject: 'heard', max_ack_pending: 100 }
    await talk.consumer('S', { durable_name: 'C', ...flow })
    await talk.fill('S.a', 3)
    await create(talk, 'M', sources({ consumer: { name: 'C', deliver_subject: 'heard' } }))
    await reached(talk, 'M', hasLast(3))
    await reached(talk, 'S', (info) => info.state.messages === 0)
    await look(talk, 'M')
    await remove(talk, 'M')
    await talk.consumer('S', {
      durable_name: 'D',
      ack_policy: 'explicit',
      deliver_subject: 'heard',
      filter_subject: 'x',
    })
    await remove(talk, 'S')
  },
  'an origin is deleted and made again': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.a', 3)
    await create(talk, 'M', sources({}))
    await reached(talk, 'M', hasLast(3))
    await remove(talk, 'S')
    await talk.stream('S')
    await talk.fill('S.b', 2)
    await reached(talk, 'M', hasLast(5))
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'a counter counts what other counters have come to': async (talk) => {
    await talk.stream('S', COUNTERS)
    await create(talk, 'T', { subjects: ['t.>'], ...COUNTERS })
    await add(talk, 'S.a', '3')
    await add(talk, 'S.a', '4')
    const entries = [renamed('S', 'S', 'm'), renamed('T', 't', 'm')]
    await create(talk, 'M', { ...COUNTERS, subjects: ['m.>'], sources: entries })
    await reached(talk, 'M', hasLast(2))
    await add(talk, 'm.a', '100')
    await add(talk, 't.a', '1000', { Own: 'header' })
    await reached(talk, 'M', hasLast(4))
    await add(talk, 'S.a', '-1')
    await reached(talk, 'M', hasLast(5))
    await add(talk, 'm.a', '1', { 'Nats-Counter-Sources': '{"x":{}}', Own: 'header' })
    await add(talk, 'm.a', '1', { 'Nats-Counter-Sources': 'bad' })
    await add(talk, 'S.b', `-${'9'.repeat(50)}`)
    await reached(talk, 'M', hasLast(8))
    await look(talk, 'M')
    await create(talk, 'N', { ...COUNTERS, sources: [{ name: 'M' }] })
    await create(talk, 'O', { sources: [{ name: 'M' }] })
    for (const stream of ['N', 'O']) {
      await reached(talk, stream, hasLast(8))
      await look(talk, stream)
    }
    await create(talk, 'P', { ...COUNTERS, sources: [{ name: 'O' }] })
    await reached(talk, 'P', hasLast(8))
    await look(talk, 'P')
    await remove(talk, 'N', 'O', 'P', 'M', 'T')
  },
  'a counter of many others': async (talk) => {
    await talk.stream('S', COUNTERS)
    await create(talk, 'T', { subjects: ['t.>'], ...COUNTERS })
    const entries = [
      { name: 'S', subject_transforms: [{ src: 'S.*', dest: 'all' }] },
      { name: 'T', subject_transforms: [{ src: 't.*', dest: 'all' }] },
    ]
    await create(talk, 'M', { ...COUNTERS, sources: entries })
    const subjects = ['S.10', 'S.9', 't.2', 'S.b', 't.1', 'S.a', 'S.10', 'S.a&<>é"\\', 't.2']
    for (const [i, subject] of subjects.entries()) {
      await add(talk, subject, String(i))
      await reached(talk, 'M', hasLast(i + 1))
    }
    await look(talk, 'M')
    await remove(talk, 'M', 'T')
  },
  'counters that begin again, and what was missed': async (talk) => {
    await talk.stream('S', COUNTERS)
    await create(talk, 'M', { ...COUNTERS, sources: [{ name: 'S', opt_start_seq: 3 }] })
    for (const increment of ['1', '2', '4']) await add(talk, 'S.a', increment)
    await reached(talk, 'M', hasLast(1))
    await talk.api('STREAM.PURGE.S')
    await add(talk, 'S.a', '5')
    await reached(talk, 'M', hasLast(2))
    await look(talk, 'M')
    await talk.api('STREAM.PURGE.M')
    await add(talk, 'S.a', '6', { 'Nats-Msg-Id': 'once' })
    await reached(talk, 'M', hasLast(3))
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'a counter that is told by a consumer that is there already': async (talk) => {
    await talk.stream('S', COUNTERS)
    const flow = { ack_policy: 'flow_control', deliver_subject: 'heard', max_ack_pending: 100 }
    await talk.consumer('S', { durable_name: 'C', ...flow })
    await add(talk, 'S.a', '3')
    await create(talk, 'M', { ...COUNTERS, ...sources({ consumer: { name: 'C', deliver_subject: 'heard' } }) })
    await reached(talk, 'M', hasLast(1))
    await look(talk, 'M')
    await remove(talk, 'M')
  },
  'rollups and times to live of sourced messages': async (talk) => {
    await talk.stream('S', { allow_rollup_hdrs: true, allow_msg_ttl: true })
    const streams: Members = { M: sources({}), N: { ...sources({}), allow_rollup_hdrs: true }, O: mirror() }
    for (const [name, config] of Object.entries(streams)) await create(talk, name, config as Members)
    const told = { 'Nats-Rollup': 'sub', 'Nats-TTL': '1h' }
    for (const seq of [1, 2, 3]) {
      await talk.put('S.a', `message ${seq}`, seq === 3 ? told : {})
      for (const name of Object.keys(streams)) await reached(talk, name, hasLast(seq))
    }
    for (const name of Object.keys(streams)) await look(talk, name)
    await remove(talk, 'M', 'N', 'O')
  },
}
