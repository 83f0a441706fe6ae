// Requests about clusters of servers, which one server refuses.

import { apiError } from './errors.ts'
import { refused, type Verb } from './verb.ts'

const verb = (subject: string, type: string): Verb => ({
  subject,
  type,
  isOfCluster: true,
  answer: () => refused(apiError(10010)),
})

export const CLUSTER_VERBS: readonly Verb[] = [
  verb('STREAM.LEADER.STEPDOWN.*', 'stream_leader_stepdown_response'),
  verb('STREAM.PEER.REMOVE.*', 'stream_remove_peer_response'),
  verb('STREAM.PEER.EVACUATE.*', 'stream_evacuate_peer_response'),
  verb('STREAM.CANCEL_MOVE.*', 'stream_cancel_move_response'),
  verb('CONSUMER.LEADER.STEPDOWN.*.*', 'consumer_leader_stepdown_response'),
  verb('CONSUMER.PEER.REMOVE.*.*', 'consumer_remove_peer_response'),
  verb('CONSUMER.PEER.EVACUATE.*.*', 'consumer_evacuate_peer_response'),
]
