// `mqtt` (docs/reference/configuration-blocks.md, "Features to come"). It is not supported yet: the keys are checked,
// and kept for the rules between settings (later-checks.ts).

import type { Checked } from '../layer.ts'
import { LISTEN_KEYS } from './cluster-keys.ts'
import { kind, type Schema } from './schema.ts'
import { tls } from './tls.ts'
import { boolean, duration, integer, text, within } from './values.ts'
import { AUTH_KEYS, simpleAuth } from './websocket.ts'

const ACK_PENDING_MAX = 65_535

const ackPending = kind<number>(
  'integer',
  within(0, ACK_PENDING_MAX, (value) => `invalid value ${value}, should in [0..${ACK_PENDING_MAX}] range`),
)

const ignored = kind<never>('integer', (entry, { problems }, name) => {
  problems.warnUse(entry, name, 'consumer replicas setting ignored in this server version')
  return undefined
})

export const MQTT: Schema<Checked> = {
  title: 'mqtt',
  keys: [
    ...LISTEN_KEYS,
    tls('clients')('tls', 'tls', 'TLS of the listener'),
    simpleAuth('username', AUTH_KEYS, 'credentials for MQTT clients alone'),
    text('noAuthUser', 'no_auth_user', 'user of clients without credentials'),
    duration('ackWait', ['ack_wait', 'ackwait'], 'time before an unacknowledged message is sent again', '30 s'),
    duration('apiTimeout', ['js_api_timeout', 'api_timeout'], 'maximum time for a JetStream API request', '5 s'),
    ackPending(
      'ackPending',
      ['max_ack_pending', 'max_pending', 'max_inflight'],
      'unacknowledged messages of a subscription',
      '1024',
    ),
    text('domain', 'js_domain', 'JetStream domain'),
    integer('replicas', 'stream_replicas', 'number of stream replicas'),
    ignored('consumerReplicas', 'consumer_replicas', 'ignored with a warning'),
    boolean('memory', 'consumer_memory_storage', 'store consumers in memory'),
    duration(
      'cleanup',
      ['consumer_inactive_threshold', 'consumer_auto_cleanup'],
      'time after which unused consumers are deleted',
    ),
    boolean('rejectQos2', 'reject_qos2_publish', 'refuse messages of QoS 2'),
    boolean('downgradeQos2', 'downgrade_qos2_subscribe', 'downgrade QoS 2 subscriptions to QoS 1'),
  ],
}
