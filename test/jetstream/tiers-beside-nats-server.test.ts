// Accounts with limits by number of replicas, beside nats-server.

import { jwtAuthenticator } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { TestAccount, TestOperator } from '../support/operator.ts'
import { missing } from '../support/peers.ts'
import { withBoth } from './beside.ts'
import { masked } from './conversation.ts'

const R1 = { disk_storage: 1e6, mem_storage: 2e6, consumer: 5, streams: 2, max_ack_pending: 10 }
const LARGEST = { disk_max_stream_bytes: 50_000, mem_max_stream_bytes: 1000, max_bytes_required: true }
const R3 = { disk_storage: 3000, streams: 3, consumer: 3 }

const REQUESTS: readonly (readonly [subject: string, body?: object])[] = [
  ['INFO'],
  ['STREAM.CREATE.S', { name: 'S', subjects: ['s.>'] }],
  ['STREAM.CREATE.S', { name: 'S', subjects: ['s.>'], max_bytes: 20_000 }],
  ['STREAM.CREATE.T', { name: 'T', subjects: ['t.>'], max_bytes: 60_000 }],
  ['STREAM.CREATE.M', { name: 'M', subjects: ['m.>'], max_bytes: 600, storage: 'memory' }],
  ['STREAM.CREATE.U', { name: 'U', subjects: ['u.>'], max_bytes: 600 }],
  ['CONSUMER.CREATE.S.C', { stream_name: 'S', config: { name: 'C', durable_name: 'C', ack_policy: 'explicit' } }],
  ['CONSUMER.CREATE.S.D', { stream_name: 'S', config: { name: 'D', durable_name: 'D', max_ack_pending: 20 } }],
  ['INFO'],
]

describe.skipIf(missing('natsServer', 'tiers beside nats-server'))('an account with tiers', () => {
  test.each([
    ['R1 alone', { R1 }],
    ['R1 with the size of streams, and R3', { R1: { ...R1, ...LARGEST }, R3 }],
    ['R3 alone', { R3 }],
  ])('%s, is answered as by nats-server', async (_, tiers) => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account, { limits: { tiered_limits: tiers } } as Parameters<TestOperator['sign']>[1])
    const { jwt } = await account.user({ bearer_token: true })
    const [theirs, ours] = await withBoth(`jetstream: enabled\n${await operator.config()}`, 2, async (port) => {
      const connection = await connect({ port, authenticator: jwtAuthenticator(jwt) })
      const answers: unknown[] = []
      for (const [subject, body] of REQUESTS) {
        const payload = body === undefined ? '' : JSON.stringify(body)
        const answer = await connection.request(`$JS.API.${subject}`, payload, { timeout: 10_000 })
        answers.push([subject, masked(answer.json())])
      }
      await connection.close()
      return answers
    })
    expect(JSON.stringify(ours, null, 1)).toBe(JSON.stringify(theirs, null, 1))
  })
})
