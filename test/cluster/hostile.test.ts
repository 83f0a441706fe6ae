// Peers that are no good servers, at the port for routes: each costs its own connection, and the texts are nats-server's.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { until } from '../support/until.ts'
import { connectTo, type Kind, TestCluster } from './cluster.ts'
import { CONNECT, info, RoutePeer } from './route-peer.ts'

const good = CONNECT + info({})
const kinds: readonly Kind[] = missing('natsServer', 'hostile peers of nats-server') ? [0, 2] : [0, 2, 'nats']

describe.each(kinds)('the port for routes of %s', (kind) => {
  const cluster = new TestCluster([kind], { pinned: ['$SYS'] })
  beforeAll(() => cluster.start())
  afterAll(() => cluster.stop())

  test.each([
    ['PING\r\n', 'Authorization Violation'],
    ['RS+ $G a\r\n', 'Authorization Violation'],
    ['RMSG $G a 1\r\nx\r\n', 'Authorization Violation'],
    ['CONNECT {"lang":"go"}\r\n', 'attempted to connect to route port'],
    ['CONNECT {"name":"x","cluster":"D"}\r\n', 'Rejecting connection, cluster name "D" does not match "C"'],
    ['CONNECT {"name":"x","cluster":"_"}\r\n', 'Rejecting connection, cluster name "_" is reserved'],
    ['CONNECT {"name":"x","cluster":"D\\nE"}\r\n', 'Rejecting connection, cluster name "D\\nE" does not match "C"'],
    ['CONNECT {"gateway":"G\\nH"}\r\n', 'Rejecting connection from gateway "G\\nH" on the Route port'],
    [CONNECT + info({ route_pool_idx: 7 }), 'Invalid route pool index: 7 - pool size is 3'],
    [CONNECT + info({ route_account: '$G' }), 'No route for account "$G"'],
    [`${good}SUBB a\r\n`, 'Unknown Protocol Operation'],
    [`${good}RMSG $G a -1\r\n`, ''],
    [`${good}RMSG $G a 99999999999\r\n`, ''],
    [`${good}HMSG $G a 5 3\r\nabc\r\n`, ''],
    [`${good}RS+ $G a q\r\n`, ''],
    [`${good}RS+ ${'a'.repeat(70_000)}\r\n`, 'maximum control line exceeded'],
    [`${good}-ERR 'go away'\r\n`, ''],
  ])('answers %j with %j', async (said, expected) => {
    const { clusterPort } = cluster.members[0]
    const peer = new RoutePeer(clusterPort)
    await peer.info()
    peer.send(said)
    const refusal = await peer.refusal()
    // What is malformed is closed without a word here; nats-server has words of its own for some of it.
    if (expected !== '' || kind !== 'nats') expect(refusal).toBe(expected)
  })

  test('does not take itself, nor a server of its own name', async () => {
    const { clusterPort, name } = cluster.members[0]
    const first = new RoutePeer(clusterPort)
    const { server_id } = await first.info()
    first.send(CONNECT + info({ server_id }))
    expect(await first.refusal()).toBe('')
    const second = new RoutePeer(clusterPort)
    await second.info()
    second.send(CONNECT + info({ server_name: name }))
    expect(await second.refusal()).toBe('')
  })

  test('serves its clients all the same, and believes nothing of accounts that it does not know', async () => {
    const { clusterPort } = cluster.members[0]
    const peer = new RoutePeer(clusterPort)
    await peer.info()
    peer.send(
      `${good}RS+ NOBODY a\r\nRS+ $G bad..subject\r\nRS+ $G a.>\r\nRS- $G never\r\nRMSG NOBODY a 1\r\nx\r\nPING\r\n`,
    )
    await until('PONG', () => peer.text.includes('PONG\r\n'))
    const client = await connectTo(cluster.members[0])
    client.send('SUB b 1\r\nPUB a.1 2\r\nhi\r\nPING\r\n')
    await until('a message on the route', () => peer.text.includes('RMSG $G a.1 2\r\nhi\r\n'))
    peer.send('RMSG $G b 3\r\nyes\r\n')
    await until('a message for the client', () => client.received().includes('MSG b 1 3\r\nyes\r\n'))
    peer.send('RMSG $G a.1 3\r\nno!\r\n')
    peer.send('RMSG $G b 3\r\nend\r\n')
    await until('what came last', () => client.received().includes('end\r\n'))
    expect(peer.text).not.toContain('no!')
    peer.socket.destroy()
    await client.close()
  })
})

test('a peer that says nothing is closed in time', async () => {
  const cluster = new TestCluster([1])
  await cluster.start()
  const peer = new RoutePeer(cluster.members[0].clusterPort)
  expect(await peer.refusal()).toBe('Authentication Timeout')
  await cluster.stop()
})
