// Reading a TLS connection without a buffer of its own for each read.
//
// Node lets a socket read into one fixed buffer (`onread`), but not a TLSSocket that is put on top of another socket,
// although its reading end is the same. What the constructor of net.Socket does for `onread` is done here afterwards.

import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A private property of every socket, by its name. */
function property(name: string): symbol {
  const found = Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name)
  assert(found !== undefined, `this version of Node keeps ${name} elsewhere`)
  return found
}

const BUFFER = property('kBuffer')
const CALLBACK = property('kBufferCb')

interface Internals {
  [property: symbol]: unknown
  readonly _handle: { useUserBuffer(buffer: Buffer): void } | null
}

/**
 * Makes a secured connection read into `buffer`, calling `onRead` with the number of bytes each time. To be called from
 * within `secured`, before anything is decrypted. Nothing if the connection is gone.
 */
export function readInto(socket: TLSSocket, buffer: Buffer, onRead: (bytes: number) => void): void {
  const internals = socket as unknown as Internals
  internals[BUFFER] = buffer
  internals[CALLBACK] = (bytes: number): boolean => {
    onRead(bytes)
    return true
  }
  internals._handle?.useUserBuffer(buffer)
}
