// What the WebSockets of one kind share on a shard: the memory that they are read into, compression, and their framers.

import type { Socket } from 'node:net'
import { READ_BYTES } from '../base/constants.ts'
import type { Log } from '../log/log.ts'
import { allocateBlock, type Block } from '../memory/block.ts'
import type { ChunkPool } from '../memory/chunk-pool.ts'
import { Deflater, Inflater } from './deflate.ts'
import { CARRY_MAX } from './frame-reader.ts'
import { Framer, type FrameStyle } from './framer.ts'
import { type FrameFormat, type WebSocketShared, WebSocketTransport } from './transport.ts'

/** The shard. */
export interface CarriageOwner {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly log: Pick<Log, 'complaint' | 'error'>
  readonly options: { readonly maxPayload: number }
}

export class Carriage implements WebSocketShared {
  readonly pool: ChunkPool
  readonly readBlock: Block
  readonly readStart: number
  readonly readBytes = READ_BYTES
  readonly inflater = new Inflater()
  readonly log: WebSocketShared['log']
  /** All of them read into this one, from CARRY_MAX on. */
  readonly block = allocateBlock(CARRY_MAX + READ_BYTES)
  readonly buffer = this.block.bytes.subarray(CARRY_MAX, CARRY_MAX + READ_BYTES)
  private readonly owner: CarriageOwner
  private readonly deflater = new Deflater()
  private readonly framers = new Map<string, Framer>()

  constructor(owner: CarriageOwner) {
    this.owner = owner
    this.pool = owner.pool
    this.readBlock = owner.readBlock
    this.readStart = owner.readStart
    this.log = owner.log
  }

  /** As it is at present: a reload may change it. */
  get maxPayload(): number {
    return this.owner.options.maxPayload
  }

  /** The transport over a socket whose handshake is done, and which reads into `buffer` as `reading` says. */
  carry(socket: Socket, reading: Reading, format: FrameFormat, style: FrameStyle): WebSocketTransport {
    const transport = new WebSocketTransport(this, socket, format, this.framerFor(style, format.compression))
    reading.reader = (bytes) => transport.socketOnRead(this.block, CARRY_MAX, CARRY_MAX + bytes)
    return transport
  }

  private framerFor(style: FrameStyle, compression: boolean): Framer {
    const key = `${style.name} ${compression}`
    let framer = this.framers.get(key)
    if (framer === undefined) {
      framer = new Framer(style, compression ? this.deflater : undefined)
      this.framers.set(key, framer)
    }
    return framer
  }
}

/** The reader of a socket's bytes: the handshake at first, the frames later. */
export class Reading {
  reader: (bytes: number) => void = () => undefined
  readonly onRead = (bytes: number): void => this.reader(bytes)
}
