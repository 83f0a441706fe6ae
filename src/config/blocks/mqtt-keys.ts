// `mqtt` (reference 4.9). It is not there yet: the keys are checked, and kept for the rules between settings
// (later-checks.ts).

import type { Checked } from '../layer.ts'
import { listenKeys } from './cluster-keys.ts'
import { boolean, custom, duration, durationOf, integer, type Schema, text } from './schema.ts'
import { readTls } from './tls.ts'
import { TLS } from './tls-keys.ts'
import { readSimpleAuth, SIMPLE_AUTH } from './websocket.ts'

const ACK_PENDING_MAX = 65_535

export const MQTT: Schema<Checked> = {
  title: 'mqtt',
  keys: [
    ...listenKeys(),
    custom(
      'block',
      'tls',
      'TLS of the listener',
      (entry, _, reading) => {
        readTls(entry, 'clients', reading)
      },
      { block: TLS as Schema<never> },
    ),
    custom(
      'block',
      ['authorization', 'authentication'],
      'credentials for MQTT clients alone',
      (entry, into, reading) => {
        Object.assign(into, readSimpleAuth(entry, reading))
      },
      { block: SIMPLE_AUTH as Schema<never> },
    ),
    text('noAuthUser', 'no_auth_user', 'user of clients without credentials'),
    custom(
      'duration',
      ['ack_wait', 'ackwait'],
      'time until a message is sent again',
      (entry, into, reading) => {
        into['ackWait'] = durationOf(entry, 'ack_wait', reading)
      },
      { default: '30 s' },
    ),
    custom(
      'duration',
      ['js_api_timeout', 'api_timeout'],
      'longest wait for the JetStream API',
      (entry, into, reading) => {
        into['apiTimeout'] = durationOf(entry, 'js_api_timeout', reading)
      },
      { default: '5 s' },
    ),
    custom(
      'integer',
      ['max_ack_pending', 'max_pending', 'max_inflight'],
      'unacknowledged messages of a subscription',
      (entry, _, { problems }) => {
        const value = problems.integer(entry)
        if (value !== undefined && (value < 0 || value > ACK_PENDING_MAX)) {
          problems.error(entry, `invalid value ${value}, should in [0..${ACK_PENDING_MAX}] range`)
        }
      },
      { default: '1024' },
    ),
    text('domain', 'js_domain', 'JetStream domain'),
    integer('replicas', 'stream_replicas', 'copies of the streams'),
    custom('integer', 'consumer_replicas', 'passed over with a warning', (entry, _, { problems }, name) => {
      problems.warnUse(entry, name, 'consumer replicas setting ignored in this server version')
    }),
    boolean('memory', 'consumer_memory_storage', 'keep consumers in memory', 'false'),
    duration(
      'cleanup',
      ['consumer_inactive_threshold', 'consumer_auto_cleanup'],
      'consumers go after this long without use',
    ),
    boolean('rejectQos2', 'reject_qos2_publish', 'refuse messages of QoS 2', 'false'),
    boolean('downgradeQos2', 'downgrade_qos2_subscribe', 'make subscriptions of QoS 2 such of QoS 1', 'false'),
  ],
}
