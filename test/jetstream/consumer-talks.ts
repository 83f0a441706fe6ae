// What is said to both servers about consumers, by what it is about. Each talk has a stream S of its own, which is
// deleted when it is over.

import type { Members, Talk } from './talk.ts'

const SECOND = 1e9
const MS = 1e6

/** A consumer that is created, or refused, and goes again. */
const tried =
  (...configs: readonly Members[]) =>
  async (talk: Talk): Promise<void> => {
    await talk.stream('S', { consumer_limits: { inactive_threshold: 60 * SECOND, max_ack_pending: 500 } })
    for (const config of configs) {
      await talk.consumer('S', { name: 'C', ...config })
      await talk.api('CONSUMER.DELETE.S.C')
    }
  }

export const CONSUMER_TALKS: Readonly<Record<string, (talk: Talk) => Promise<void>>> = {
  'acknowledgements whose subject names domain and account': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 8)
    await talk.consumer('S', { name: 'C', durable_name: 'C', ack_policy: 'explicit' })
    const messages = await talk.pull('S', 'C', '8', 8)
    const long = (i: number, prefix: string, more = ''): { reply: string } => {
      return { reply: (messages[i]?.reply ?? '').replace('$JS.ACK.', prefix) + more }
    }
    // The hash of $G.
    await talk.sayUnanswered(long(0, '$JS.ACK._.szMpdrwD.'))
    await talk.sayUnanswered(long(1, '$JS.ACK._.szMpdrwD.'))
    for (const prefix of ['$JS.ACK._.xxxxxxxx.', '$JS.ACK.hub.szMpdrwD.', '$JS.ACK.szMpdrwD.']) {
      await talk.sayUnanswered(long(2, prefix))
    }
    await talk.sayUnanswered(long(3, '$JS.ACK._.szMpdrwD.', '.token'))
    await talk.sayUnanswered(long(4, '$JS.ACK._.szMpdrwD.', '.token.another'), '+TERM')
    await talk.sayUnanswered(long(5, '$JS.ACK.', '.token'))
    await talk.info('S', 'C')
  },
  'a consumer is created in each form, looked at, listed and deleted': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 3)
    const config = { ack_policy: 'explicit' }
    const create = (subject: string, more: Members) =>
      talk.api(`CONSUMER.${subject}`, { stream_name: 'S', config: { ...config, ...more } })
    await create('CREATE.S.C', { name: 'C' })
    await create('CREATE.S.C', { name: 'C' })
    await create('CREATE.S.D', { durable_name: 'D' })
    await create('CREATE.S.F.S.x', { name: 'F', filter_subject: 'S.x' })
    await create('DURABLE.CREATE.S.E', { durable_name: 'E' })
    await talk.info('S', 'C')
    await talk.info('S', 'E')
    await talk.api('CONSUMER.NAMES.S')
    await talk.api('CONSUMER.NAMES.S', { offset: 2 })
    await talk.api('CONSUMER.NAMES.S', { offset: 9 })
    await talk.api('CONSUMER.LIST.S')
    await talk.api('CONSUMER.LIST.S', { offset: 3 })
    await talk.api('STREAM.INFO.S')
    await talk.api('CONSUMER.DELETE.S.C')
    await talk.api('CONSUMER.DELETE.S.C')
    await talk.info('S', 'C')
    await talk.api('CONSUMER.NAMES.S')
  },
  'names and bodies that do not fit': async (talk) => {
    const create = (subject: string, body: unknown) => talk.api(`CONSUMER.${subject}`, body)
    const of = (config: Members, more: Members = {}) => ({ stream_name: 'S', config, ...more })
    await create('CREATE.S.C', of({ name: 'C' }))
    await talk.stream('S')
    for (const body of ['', '{', '[]', '7', {}, of({ foo: 1 }), of({}, { foo: 1 }), of({}, { action: 'x' })]) {
      await create('CREATE.S.C', body)
      await talk.api('CONSUMER.DELETE.S.C')
    }
    await create('CREATE.S.C', { stream_name: 'T', config: {} })
    await create('CREATE.S.C', of({ ack_policy: 'x' }))
    await create('CREATE.S.C', of({ durable_name: 'D' }))
    await create('CREATE.S', of({ durable_name: 'D' }))
    await create('DURABLE.CREATE.S.C', of({}))
    await create('DURABLE.CREATE.S.C', of({ durable_name: 'D' }))
    await create('CREATE.S.a/b', of({ name: 'a/b' }))
    await create('CREATE.S.C.S.x', of({ filter_subject: 'S.y' }))
    await create('CREATE.S.C.S.x', of({ filter_subjects: ['S.y'] }))
    await create('CREATE.S.C.S.x', of({}))
    await create('CREATE.S.C', of({ name: 'D' }))
    await talk.api('CONSUMER.DELETE.S.C')
    const long = 'x'.repeat(256)
    await create(`CREATE.S.${long}`, of({ durable_name: long }))
    await create('CREATE.S.C', of({ num_replicas: 3 }))
    await create('CREATE.T.C', { stream_name: 'T', config: {} })
    await create('CREATE.S.C', of({ name: 'C' }, { action: 'update' }))
    for (const request of ['INFO.S.C', 'DELETE.S.C', 'PAUSE.S.C', 'INFO.T.C', 'DELETE.T.C', 'NAMES.T', 'LIST.T']) {
      await talk.api(`CONSUMER.${request}`)
      await talk.api(`CONSUMER.${request}`, { foo: 1 })
      await talk.api(`CONSUMER.${request}`, '{')
    }
    for (const body of ['', {}, { group: '' }, { group: 'a b' }, { group: 'g' }])
      await talk.api('CONSUMER.UNPIN.S.C', body)
  },
  'what is filled in': tried(
    {},
    { ack_policy: 'explicit' },
    { ack_policy: 'all' },
    { ack_policy: 'explicit', backoff: [SECOND, 2 * SECOND], max_deliver: 5 },
    { ack_policy: 'none', deliver_subject: 'd' },
    { ack_policy: 'flow_control', deliver_subject: 'd', max_ack_pending: 100 },
    { max_deliver: -5, max_waiting: -1, max_ack_pending: -7, max_batch: -1, max_expires: -1, max_bytes: -1 },
    { idle_heartbeat: -1, inactive_threshold: -1, priority_timeout: -1 },
    { priority_policy: 'pinned_client', priority_groups: ['g'] },
    { metadata: { a: 'b', '_nats.ver': 'x', '_nats.level': 'y', '_nats.req.level': 'z' } },
    { opt_start_time: '2024-01-02T03:04:05.600Z', deliver_policy: 'by_start_time' },
    { opt_start_time: '2024-01-02T03:04:05+02:00', deliver_policy: 'by_start_time' },
    { pause_until: '2099-01-02T03:04:05.600+02:00' },
    { pause_until: '1999-01-02T03:04:05Z' },
    { pause_until: '0001-01-01T00:00:00Z' },
  ),
  'what is refused': tried(
    { description: 'x'.repeat(4097) },
    { ack_policy: 'explicit', ack_wait: -1 },
    { ack_policy: 'explicit', backoff: [-1] },
    { ack_policy: 'explicit', backoff: [1, 2, 3], max_deliver: 2 },
    { deliver_subject: 'd.*', ack_policy: 'none' },
    { deliver_subject: 'd..x', ack_policy: 'none' },
    { deliver_subject: '$JS.API.x', ack_policy: 'none' },
    { deliver_subject: 'S.x', ack_policy: 'none' },
    { deliver_subject: 'd', max_waiting: 5 },
    { deliver_subject: 'd', ack_policy: 'none', max_ack_pending: 5 },
    { deliver_subject: 'd', idle_heartbeat: 10 * MS, ack_policy: 'explicit' },
    { deliver_subject: 'd', flow_control: true, ack_policy: 'explicit' },
    { rate_limit_bps: 5 },
    { idle_heartbeat: SECOND },
    { flow_control: true },
    { max_expires: 5 },
    { ack_policy: 'explicit', max_ack_pending: 501 },
    { inactive_threshold: 61 * SECOND },
    { direct: true },
    { direct: true, durable_name: 'C', deliver_subject: 'd' },
    { filter_subject: 'S.x', filter_subjects: ['S.y'] },
    { filter_subject: 'S..x' },
    { filter_subjects: ['S.x', ''] },
    { filter_subjects: ['S.x', 'S.*'] },
    { filter_subjects: ['S.x', 'S.x'] },
    { filter_subjects: ['S.*.x', 'S.x.*'] },
    { opt_start_seq: 5 },
    { opt_start_time: '2024-01-02T03:04:05Z' },
    { deliver_policy: 'last', opt_start_seq: 5 },
    { deliver_policy: 'new', opt_start_time: '2024-01-02T03:04:05Z' },
    { deliver_policy: 'last_per_subject' },
    { deliver_policy: 'by_start_sequence' },
    { deliver_policy: 'by_start_sequence', opt_start_seq: 1, opt_start_time: '2024-01-02T03:04:05Z' },
    { deliver_policy: 'by_start_time' },
    { deliver_policy: 'by_start_time', opt_start_seq: 1, opt_start_time: '2024-01-02T03:04:05Z' },
    { sample_freq: 'x' },
    { sample_freq: '-5' },
    { sample_freq: '100%' },
    { metadata: { a: 'x'.repeat(131_072) } },
    { priority_policy: 'overflow', deliver_subject: 'd', ack_policy: 'none' },
    { priority_policy: 'overflow' },
    { priority_policy: 'overflow', priority_groups: [''] },
    { priority_policy: 'overflow', priority_groups: ['a b'] },
    { priority_groups: ['g'] },
    { priority_timeout: SECOND },
    { ack_policy: 'flow_control' },
    { ack_policy: 'flow_control', deliver_subject: 'd', max_ack_pending: -1 },
    { ack_policy: 'flow_control', deliver_subject: 'd', ack_wait: SECOND },
    { ack_policy: 'flow_control', deliver_subject: 'd', max_deliver: 5 },
    { num_replicas: -1 },
  ),
  'a pedantic request is not corrected': async (talk) => {
    await talk.stream('S', { consumer_limits: { inactive_threshold: 60 * SECOND, max_ack_pending: 500 } })
    for (const config of [
      { max_deliver: -5 },
      { max_waiting: -1 },
      { max_ack_pending: -7 },
      { inactive_threshold: -1 },
      { ack_policy: 'explicit' },
      { ack_policy: 'explicit', max_ack_pending: 5 },
      { ack_policy: 'explicit', max_ack_pending: 5, inactive_threshold: SECOND, backoff: [SECOND], ack_wait: 5 },
    ]) {
      await talk.consumer('S', { name: 'C', ...config }, { pedantic: true })
    }
  },
  'what may be updated, and what may not': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 2)
    const pull = { durable_name: 'C', ack_policy: 'explicit' }
    await talk.consumer('S', pull)
    await talk.consumer('S', pull, { action: 'create' })
    await talk.consumer('S', pull, { action: 'update' })
    await talk.consumer('S', { ...pull, description: 'x' }, { action: 'create' })
    for (const more of [
      { deliver_policy: 'new' },
      { mem_storage: true },
      { deliver_policy: 'by_start_sequence', opt_start_seq: 1 },
      { ack_policy: 'all' },
      { replay_policy: 'original' },
      { deliver_subject: 'd' },
      { max_waiting: 5 },
      { backoff: [1, 2], max_deliver: 1 },
      {
        description: 'x',
        ack_wait: SECOND,
        max_deliver: 3,
        filter_subject: 'S.y',
        sample_freq: '10',
        max_ack_pending: 5,
      },
      { headers_only: true, max_batch: 5, max_expires: SECOND, max_bytes: 5, inactive_threshold: SECOND },
      { metadata: { a: 'b' }, pause_until: '2099-01-02T03:04:05Z' },
    ]) {
      await talk.consumer('S', { ...pull, ...more })
    }
    const push = { durable_name: 'P', ack_policy: 'explicit', deliver_subject: 'd', idle_heartbeat: SECOND }
    await talk.consumer('S', push)
    await talk.consumer('S', { ...push, idle_heartbeat: 2 * SECOND })
    await talk.consumer('S', { ...push, flow_control: true })
    await talk.consumer('S', { ...push, deliver_subject: '' })
    await talk.consumer('S', { ...push, deliver_subject: 'e' })
    const listener = await talk.listen('e')
    await talk.next(listener, 2)
    await talk.consumer('S', { ...push, deliver_subject: 'f' })
    listener.unsubscribe()
    const ephemeral = { name: 'N', ack_policy: 'explicit' }
    await talk.consumer('S', ephemeral)
    await talk.consumer('S', ephemeral, { action: 'create' })
    await talk.consumer('S', ephemeral)
  },
  'nobody answers acknowledgements where none are kept': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 2)
    await talk.consumer('S', { name: 'C', ack_policy: 'none' })
    const [pulled] = await talk.pull('S', 'C', undefined)
    await talk.sayUnanswered(pulled)
    await talk.sayUnanswered(pulled, '+NXT')
    const listener = await talk.listen('d')
    await talk.consumer('S', { name: 'P', ack_policy: 'none', deliver_subject: 'd' })
    const [pushed] = await talk.next(listener)
    await talk.sayUnanswered(pushed, '+ACK')
  },
  'queues are parted without overlap': async (talk) => {
    await talk.stream('S', { retention: 'workqueue' })
    await talk.consumer('S', { name: 'C', ack_policy: 'none' })
    await talk.consumer('S', { name: 'C', ack_policy: 'all' })
    await talk.consumer('S', { name: 'C', ack_policy: 'none', deliver_subject: 'd' })
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', deliver_policy: 'new' })
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', filter_subject: 'S.a.*' })
    await talk.consumer('S', { name: 'D', ack_policy: 'explicit' })
    await talk.consumer('S', { name: 'D', ack_policy: 'explicit', filter_subject: 'S.*.b' })
    await talk.consumer('S', { name: 'D', ack_policy: 'explicit', filter_subject: 'S.b' })
    await talk.consumer('S', { name: 'D', ack_policy: 'explicit', filter_subject: 'S.a.b' })
    await talk.fill('S.a.x', 3)
    const [first, second] = await talk.pull('S', 'C', { batch: 3, expires: SECOND }, 3)
    await talk.say(first)
    await talk.say(second, '+TERM')
    await talk.api('STREAM.INFO.S')
    await talk.info('S', 'C')
  },
  'no more consumers than may be': async (talk) => {
    await talk.stream('S', { max_consumers: 1 })
    await talk.consumer('S', { name: 'C' })
    await talk.consumer('S', { name: 'C' })
    await talk.consumer('S', { name: 'D' })
  },
  'where consumers begin': async (talk) => {
    await talk.stream('S')
    for (const subject of ['S.a', 'S.b', 'S.a', 'S.c', 'S.b']) await talk.put(subject, subject)
    await talk.api('STREAM.MSG.DELETE.S', { seq: 1 })
    let number = 0
    for (const config of [
      { deliver_policy: 'all' },
      { deliver_policy: 'last' },
      { deliver_policy: 'last', filter_subject: 'S.a' },
      { deliver_policy: 'last', filter_subject: 'S.x' },
      { deliver_policy: 'last', filter_subjects: ['S.a', 'S.c'] },
      { deliver_policy: 'new' },
      { deliver_policy: 'by_start_sequence', opt_start_seq: 1 },
      { deliver_policy: 'by_start_sequence', opt_start_seq: 4 },
      { deliver_policy: 'by_start_sequence', opt_start_seq: 99 },
      { deliver_policy: 'by_start_time', opt_start_time: '2000-01-01T00:00:00Z' },
      { deliver_policy: 'by_start_time', opt_start_time: '2099-01-01T00:00:00Z' },
      { deliver_policy: 'last_per_subject', filter_subject: 'S.*' },
      { deliver_policy: 'last_per_subject', filter_subjects: ['S.a', 'S.c'] },
      { deliver_policy: 'last_per_subject', filter_subject: 'S.x' },
      { filter_subject: 'S.b' },
      { filter_subjects: ['S.a', 'S.b'] },
    ]) {
      const name = `C${++number}`
      await talk.consumer('S', { name, ack_policy: 'explicit', ...config })
      await talk.pull('S', name, { batch: 2, expires: 300 * MS }, 2)
      await talk.info('S', name)
    }
  },
  'a stream without messages': async (talk) => {
    await talk.stream('S')
    for (const policy of ['all', 'last', 'new']) {
      await talk.consumer('S', { name: policy, deliver_policy: policy, ack_policy: 'explicit' })
    }
    await talk.put('S.x', 'first')
    for (const policy of ['all', 'last', 'new']) await talk.pull('S', policy, '')
  },
  'requests for messages, in every form': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 20)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    await talk.pull('S', 'C', '')
    await talk.pull('S', 'C', '2', 2)
    await talk.pull('S', 'C', 'text')
    await talk.pull('S', 'C', {})
    await talk.pull('S', 'C', { batch: 2 }, 2)
    await talk.pull('S', 'C', '{')
    await talk.pull('S', 'C', { batch: 1, idle_heartbeat: SECOND, expires: SECOND })
    await talk.pull('S', 'C', { batch: 1, foo: 1 })
    await talk.pull('S', 'C', { batch: 5, max_bytes: 100, expires: SECOND }, 2)
    await talk.pull('S', 'C', { batch: 1, max_bytes: 1000, expires: SECOND }, 2)
    await talk.pull('S', 'C', { batch: 1, max_bytes: 5, expires: SECOND })
    await talk.pull('S', 'C', { batch: 100, no_wait: true }, 11)
    await talk.pull('S', 'C', { batch: 100, no_wait: true })
    await talk.pull('S', 'C', { batch: 100, no_wait: true, expires: 200 * MS })
    await talk.pull('S', 'C', { batch: 3, expires: 200 * MS })
    await talk.pull('S', 'C', { batch: 3, expires: 9 * SECOND, idle_heartbeat: 100 * MS })
    await talk.info('S', 'C')
  },
  'bounds of requests': async (talk) => {
    await talk.stream('S')
    await talk.consumer('S', { name: 'C', max_batch: 5, max_expires: SECOND, max_bytes: 100, max_waiting: 2 })
    await talk.pull('S', 'C', { batch: 6, expires: SECOND })
    await talk.pull('S', 'C', { batch: 5, expires: 90 * SECOND })
    await talk.pull('S', 'C', { batch: 5, expires: SECOND, max_bytes: 101 })
    const waiting = [await talk.ask('S', 'C', ''), await talk.ask('S', 'C', '')]
    await talk.info('S', 'C')
    await talk.pull('S', 'C', '')
    for (const inbox of waiting) inbox.unsubscribe()
    await talk.consumer('S', { name: 'P', deliver_subject: 'd' })
    await talk.pull('S', 'P', '')
  },
  'requests are served in turn': async (talk) => {
    await talk.stream('S')
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    const first = await talk.ask('S', 'C', { batch: 2, expires: 5 * SECOND })
    const second = await talk.ask('S', 'C', { batch: 2, expires: 5 * SECOND })
    await talk.info('S', 'C')
    // One at a time: how many are still to come, nats-server says too soon or too late where they come quickly.
    for (const one of [first, second, first, second]) {
      await talk.fill('S.x', 1)
      await talk.next(one)
    }
    await talk.info('S', 'C')
  },
  'a consumer goes while somebody waits': async (talk) => {
    await talk.stream('S')
    await talk.consumer('S', { name: 'C' })
    const inbox = await talk.ask('S', 'C', { batch: 2, expires: 5 * SECOND })
    await talk.api('CONSUMER.DELETE.S.C')
    await talk.next(inbox)
    await talk.consumer('S', { name: 'C' })
    const other = await talk.ask('S', 'C', { batch: 2, expires: 5 * SECOND })
    await talk.api('STREAM.DELETE.S')
    await talk.next(other)
  },
  'acknowledgements of every kind': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 10)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    const messages = await talk.pull('S', 'C', { batch: 7 }, 7)
    await talk.say(messages[1])
    await talk.info('S', 'C')
    await talk.say(messages[0], '+ACK')
    await talk.info('S', 'C')
    await talk.say(messages[0], '+OK')
    await talk.say(messages[2], '+WPI')
    await talk.say(messages[2], '-NAK')
    await talk.pull('S', 'C', '')
    await talk.say(messages[3], '+TERM no good')
    await talk.say(messages[4], 'something')
    await talk.say(messages[5], '-NAK {"delay": 100000000}')
    await talk.pull('S', 'C', '2', 2)
    await talk.say(messages[5], '-NAK 50ms')
    await talk.pull('S', 'C', '')
    await talk.info('S', 'C')
    const [subject] = [messages[6].reply ?? '']
    const beyond = subject.replace(/\.7\.7\./, '.99.99.')
    await talk.sayUnanswered({ reply: beyond })
    await talk.sayUnanswered({ reply: `${subject}.5` })
    await talk.sayUnanswered({ reply: subject.replace('.C.', '.D.') })
    await talk.info('S', 'C')
  },
  'the next one with an acknowledgement': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 5)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    const [message] = await talk.pull('S', 'C', '')
    const inbox = await talk.listen('inbox')
    talk.connection.publish(message.reply ?? '', '+NXT', { reply: 'inbox' })
    const [second] = await talk.next(inbox)
    talk.connection.publish(second.reply ?? '', '+NXT 2', { reply: 'inbox' })
    const [third] = await talk.next(inbox, 2)
    talk.connection.publish(third.reply ?? '', '+NXT {"batch": 1, "no_wait": true}', { reply: 'inbox' })
    await talk.next(inbox)
    await talk.info('S', 'C')
    inbox.unsubscribe()
  },
  'acknowledgement of all before': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 6)
    await talk.consumer('S', { name: 'C', ack_policy: 'all' })
    const messages = await talk.pull('S', 'C', { batch: 5 }, 5)
    await talk.say(messages[2])
    await talk.info('S', 'C')
    await talk.say(messages[1])
    await talk.say(messages[4], '-NAK')
    await talk.pull('S', 'C', '')
    await talk.say(messages[4])
    await talk.info('S', 'C')
  },
  'waits, deliveries and an end of them': async (talk) => {
    await talk.stream('S')
    const advisories = await talk.listen('$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.*')
    await talk.fill('S.x', 2)
    await talk.consumer('S', { durable_name: 'C', ack_policy: 'explicit', max_deliver: 2, ack_wait: 200 * MS })
    const inbox = await talk.ask('S', 'C', { batch: 9, expires: 20 * SECOND })
    const [first] = await talk.next(inbox, 4)
    await talk.next(advisories, 2)
    await talk.say(first)
    advisories.unsubscribe()
  },
  'waits that grow': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 1)
    const backoff = [100 * MS, 300 * MS]
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', backoff, max_deliver: 4 })
    await talk.pull('S', 'C', { batch: 4 }, 4)
    await talk.info('S', 'C')
  },
  'as much as may be without acknowledgement': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 5)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', max_ack_pending: 2 })
    const [first] = await talk.pull('S', 'C', { batch: 4, expires: 300 * MS }, 3)
    await talk.pull('S', 'C', { batch: 1, no_wait: true, expires: 300 * MS })
    await talk.say(first)
    await talk.pull('S', 'C', { batch: 4, expires: 300 * MS }, 2)
    await talk.info('S', 'C')
  },
  'headers, and headers only': async (talk) => {
    await talk.stream('S')
    await talk.put('S.x', 'text', { own: 'header' })
    await talk.put('S.x', 'text')
    await talk.put('S.x')
    await talk.consumer('S', { name: 'C' })
    await talk.pull('S', 'C', '3', 3)
    await talk.consumer('S', { name: 'H', headers_only: true })
    await talk.pull('S', 'H', '3', 3)
  },
  'messages that go before they were acknowledged, and before they came': async (talk) => {
    await talk.stream('S')
    const advisories = await talk.listen('$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.*')
    await talk.fill('S.x', 6)
    await talk.fill('S.y', 2)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    await talk.pull('S', 'C', '2', 2)
    await talk.api('STREAM.MSG.DELETE.S', { seq: 1 })
    await talk.next(advisories)
    await talk.api('STREAM.MSG.DELETE.S', { seq: 4 })
    await talk.info('S', 'C')
    await talk.pull('S', 'C', '2', 2)
    await talk.api('STREAM.PURGE.S', { filter: 'S.y' })
    await talk.info('S', 'C')
    await talk.api('STREAM.PURGE.S')
    await talk.info('S', 'C')
    await talk.fill('S.x', 1)
    await talk.pull('S', 'C', '')
    await talk.info('S', 'C')
    advisories.unsubscribe()
  },
  'pushed messages': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 3)
    const listener = await talk.listen('d')
    await talk.consumer('S', { name: 'C', deliver_subject: 'd', ack_policy: 'explicit' })
    const [first] = await talk.next(listener, 3)
    await talk.say(first)
    await talk.info('S', 'C')
    await talk.put('S.x', 'more')
    await talk.next(listener)
    await talk.consumer('S', { name: 'H', deliver_subject: 'h', idle_heartbeat: 200 * MS })
    const heartbeats = await talk.listen('h')
    await talk.next(heartbeats, 6)
    for (const each of [listener, heartbeats]) each.unsubscribe()
  },
  'pushed messages for a queue group': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 3)
    await talk.consumer('S', { name: 'C', deliver_subject: 'd', deliver_group: 'g', ack_policy: 'explicit' })
    const other = await talk.listen('d', 'other')
    await talk.info('S', 'C')
    const member = await talk.listen('d', 'g')
    await talk.next(member, 3)
    await talk.next(other, 3)
    await talk.info('S', 'C')
    for (const each of [other, member]) each.unsubscribe()
  },
  'a client that is asked whether it keeps up': async (talk) => {
    await talk.stream('S')
    const body = 'x'.repeat(400_000)
    for (let i = 0; i < 8; i++) await talk.put('S.x', body)
    const listener = await talk.listen('d')
    const config = { name: 'C', deliver_subject: 'd', ack_policy: 'none', flow_control: true, idle_heartbeat: 500 * MS }
    await talk.consumer('S', config)
    const messages = await talk.next(listener, 9)
    const question = messages.find(({ headers }) => headers?.code === 100)
    talk.connection.publish(question?.reply ?? '')
    await talk.next(listener, 2)
    await talk.info('S', 'C')
    listener.unsubscribe()
  },
  'acknowledgements by flow control': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 4)
    const listener = await talk.listen('d')
    await talk.consumer('S', { name: 'C', deliver_subject: 'd', ack_policy: 'flow_control', max_ack_pending: 3 })
    await talk.next(listener, 4)
    await talk.info('S', 'C')
    listener.unsubscribe()
  },
  'advisories of consumers': async (talk) => {
    await talk.stream('S')
    const events = await talk.listen('$JS.EVENT.>')
    await talk.fill('S.x', 4)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', sample_freq: '100' })
    const messages = await talk.pull('S', 'C', '4', 4)
    await talk.say(messages[0])
    await talk.say(messages[1], '-NAK')
    await talk.say(messages[2], '+TERM')
    await talk.say(messages[3], '+TERM because')
    await talk.api('CONSUMER.DELETE.S.C')
    const record = talk.record.length
    while (!JSON.stringify(talk.record.at(-1)).includes('CONSUMER.DELETED')) await talk.next(events)
    const kept = talk.record.splice(record).filter((event) => !JSON.stringify(event).includes('ADVISORY.API'))
    talk.record.push(...kept.filter((event) => !JSON.stringify(event).includes('STREAM')))
    events.unsubscribe()
  },
  'a pause': async (talk) => {
    await talk.stream('S')
    const events = await talk.listen('$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.C')
    await talk.fill('S.x', 2)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    await talk.api('CONSUMER.PAUSE.S.C', { pause_until: '2099-01-01T00:00:00Z' })
    await talk.next(events)
    await talk.info('S', 'C')
    await talk.pull('S', 'C', { batch: 1, expires: 200 * MS })
    await talk.api('CONSUMER.PAUSE.S.C', {})
    await talk.next(events)
    await talk.pull('S', 'C', { batch: 1, expires: 200 * MS })
    await talk.api('CONSUMER.PAUSE.S.C', { pause_until: '2001-01-01T00:00:00Z' })
    await talk.api('CONSUMER.PAUSE.S.C', { pause_until: 5 })
    await talk.api('CONSUMER.PAUSE.S.C', '')
    await talk.info('S', 'C')
    events.unsubscribe()
  },
  'back to an earlier message': async (talk) => {
    await talk.stream('S')
    await talk.fill('S.x', 5)
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit' })
    const messages = await talk.pull('S', 'C', '4', 4)
    await talk.say(messages[0])
    await talk.api('CONSUMER.RESET.S.C')
    await talk.info('S', 'C')
    await talk.pull('S', 'C', '2', 2)
    await talk.api('CONSUMER.RESET.S.C', { seq: 4 })
    await talk.pull('S', 'C', '')
    await talk.api('CONSUMER.RESET.S.C', '{')
    await talk.consumer('S', { name: 'N', ack_policy: 'explicit', deliver_policy: 'new' })
    await talk.api('CONSUMER.RESET.S.N', { seq: 1 })
    await talk.consumer('S', { name: 'Q', deliver_policy: 'by_start_sequence', opt_start_seq: 3 })
    await talk.api('CONSUMER.RESET.S.Q', { seq: 2 })
    await talk.api('CONSUMER.RESET.S.Q', { seq: 4 })
    await talk.consumer('S', { name: 'T', deliver_policy: 'by_start_time', opt_start_time: '2001-01-01T00:00:00Z' })
    await talk.api('CONSUMER.RESET.S.T', { seq: 2 })
  },
  'interest keeps messages': async (talk) => {
    await talk.stream('S', { retention: 'interest' })
    await talk.fill('S.x', 2)
    await talk.api('STREAM.INFO.S')
    await talk.consumer('S', { name: 'C', ack_policy: 'explicit', filter_subject: 'S.x' })
    await talk.consumer('S', { name: 'D', ack_policy: 'none', filter_subject: 'S.>' })
    await talk.fill('S.x', 2)
    await talk.fill('S.y', 2)
    await talk.api('STREAM.INFO.S')
    const messages = await talk.pull('S', 'C', '2', 2)
    await talk.say(messages[0])
    await talk.api('STREAM.INFO.S')
    await talk.pull('S', 'D', '3', 3)
    await talk.info('S', 'D')
    await talk.api('CONSUMER.DELETE.S.D')
    await talk.info('S', 'C')
    await talk.api('CONSUMER.DELETE.S.C')
  },
  'clients of a priority': async (talk) => {
    await talk.stream('S')
    await talk.consumer('S', {
      name: 'C',
      priority_policy: 'prioritized',
      priority_groups: ['g'],
      ack_policy: 'explicit',
    })
    await talk.pull('S', 'C', { batch: 1, priority: 3 })
    await talk.pull('S', 'C', { batch: 1, group: 'h' })
    await talk.pull('S', 'C', { batch: 1, group: 'g', priority: 10 })
    await talk.pull('S', 'C', { batch: 1, group: 'g', id: 'x' })
    await talk.pull('S', 'C', { batch: 1, group: 'g', min_pending: 1 })
    const low = await talk.ask('S', 'C', { batch: 2, group: 'g', priority: 5, expires: 5 * SECOND })
    const high = await talk.ask('S', 'C', { batch: 2, group: 'g', priority: 1, expires: 5 * SECOND })
    for (const one of [high, high, low]) {
      await talk.fill('S.x', 1)
      await talk.next(one)
    }
    await talk.info('S', 'C')
  },
  'clients that take what is too much': async (talk) => {
    await talk.stream('S')
    await talk.consumer('S', { name: 'C', priority_policy: 'overflow', priority_groups: ['g'], ack_policy: 'explicit' })
    await talk.fill('S.x', 2)
    const overflow = await talk.ask('S', 'C', { batch: 5, group: 'g', min_pending: 3, expires: 5 * SECOND })
    await talk.fill('S.x', 1)
    await talk.next(overflow)
    await talk.info('S', 'C')
    await talk.pull('S', 'C', { batch: 5, group: 'g', min_ack_pending: 1, expires: 300 * MS }, 3)
  },
  'one client is pinned': async (talk) => {
    await talk.stream('S')
    const events = await talk.listen('$JS.EVENT.ADVISORY.CONSUMER.*.S.C')
    const config = { name: 'C', priority_policy: 'pinned_client', priority_groups: ['g'], ack_policy: 'explicit' }
    await talk.consumer('S', { ...config, priority_timeout: 60 * SECOND })
    await talk.next(events)
    await talk.pull('S', 'C', { batch: 1, group: 'g', id: 'nobody', expires: 300 * MS })
    await talk.fill('S.x', 4)
    await talk.pull('S', 'C', { batch: 1, group: 'g', id: 'nobody', expires: 9 * SECOND })
    const [pinned] = await talk.pull('S', 'C', { batch: 1, group: 'g', expires: 9 * SECOND })
    await talk.next(events)
    const id = pinned.headers?.get('Nats-Pin-Id') ?? ''
    await talk.pull('S', 'C', { batch: 1, group: 'g', expires: 300 * MS })
    await talk.pull('S', 'C', { batch: 1, group: 'g', id: 'other', expires: 9 * SECOND })
    await talk.pull('S', 'C', { batch: 1, group: 'g', id, expires: 9 * SECOND })
    await talk.api('CONSUMER.UNPIN.S.C', { group: 'h' })
    await talk.api('CONSUMER.UNPIN.S.C', { group: 'g' })
    await talk.next(events)
    await talk.pull('S', 'C', { batch: 1, group: 'g', expires: 9 * SECOND })
    await talk.next(events)
    events.unsubscribe()
  },
  'who is gone is not pinned': async (talk) => {
    await talk.stream('S')
    const events = await talk.listen('$JS.EVENT.ADVISORY.CONSUMER.*.S.C')
    const config = { name: 'C', priority_policy: 'pinned_client', priority_groups: ['g'], ack_policy: 'explicit' }
    await talk.consumer('S', { ...config, priority_timeout: 60 * SECOND })
    await talk.next(events)
    const gone = await talk.ask('S', 'C', { batch: 1, group: 'g', expires: 9 * SECOND })
    gone.unsubscribe()
    await talk.connection.flush()
    const there = await talk.ask('S', 'C', { batch: 2, group: 'g', expires: 9 * SECOND })
    await talk.fill('S.x', 1)
    await talk.next(there)
    await talk.next(events)
    events.unsubscribe()
  },
}
