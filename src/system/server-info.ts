// The description of the server in every event and answer of the system account (docs/reference/system-account.md,
// "Server description").

import { nowMs } from '../base/clock.ts'
import { NATS_VERSION } from '../base/constants.ts'
import { goJson, goTime } from '../base/go-format.ts'
import type { Json } from '../base/json.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'

/** A number for each message about the server, rising over all its threads: one word in shared memory. */
export class MessageSequence {
  readonly memory: SharedArrayBuffer
  private readonly words: BigInt64Array

  constructor(memory = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.words = new BigInt64Array(memory)
  }

  next(): number {
    return Number(Atomics.add(this.words, 0, 1n)) + 1
  }
}

/** What the description of the server is made of. */
export interface Described {
  readonly identity: ServerIdentity
  readonly options: Pick<Options, 'serverTags' | 'serverMetadata' | 'jetstream'>
}

/** The thread's own view of the server. */
export interface Speaker extends Described {
  readonly options: Options
}

/** The member `server`. */
export function serverInfo({ identity, options }: Described, sequence: MessageSequence): Json {
  const { serverTags, serverMetadata } = options
  return {
    name: identity.serverName,
    host: identity.host,
    id: identity.serverId,
    cluster: identity.cluster?.name,
    ver: NATS_VERSION,
    tags: serverTags.length === 0 ? undefined : serverTags,
    metadata: Object.keys(serverMetadata).length === 0 ? undefined : serverMetadata,
    jetstream: options.jetstream !== undefined,
    flags: 0,
    seq: sequence.next(),
    time: goTime(nowMs()),
  }
}

/** `content`, after what is said of the server. */
export function signed(
  speaker: Speaker,
  sequence: MessageSequence,
  content: Readonly<Record<string, Json>>,
): Record<string, Json> {
  return { server: serverInfo(speaker, sequence), ...content }
}

/** As bytes on the wire. */
export function encodeJson(value: Json): Buffer {
  return Buffer.from(goJson(value, 0))
}
