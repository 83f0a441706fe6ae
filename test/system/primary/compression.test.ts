// The encodings of answers. The framing of snappy is read here by its description, byte by byte.

import { gunzipSync, crc32 as zlibCrc } from 'node:zlib'
import { expect, it } from 'vitest'
import { encodeAnswer } from '../../../src/system/primary/compression.ts'

it('says nothing of an encoding unless it was asked for one', async () => {
  const payload = Buffer.from('{}')
  expect(await encodeAnswer(payload, '')).toEqual({ headers: {}, payloads: [payload] })
  expect(await encodeAnswer(payload, 'br')).toEqual({
    headers: { 'Content-Encoding': 'identity' },
    payloads: [payload],
  })
})

it('gzips', async () => {
  const { headers, payloads } = await encodeAnswer(Buffer.from('x'.repeat(1000)), 'deflate, GZIP')
  expect(headers).toEqual({ 'Content-Encoding': 'gzip' })
  expect(gunzipSync(payloads[0]).toString()).toBe('x'.repeat(1000))
})

it.each([0, 1, 65_536, 200_000])('frames %i bytes as snappy', async (size) => {
  const payload = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251))
  const { headers, payloads } = await encodeAnswer(payload, 's2')
  expect(headers).toEqual({ 'Content-Encoding': 'snappy' })
  const bytes = Buffer.from(payloads[0])
  expect(bytes.toString('latin1', 0, 10)).toBe('\xff\x06\x00\x00sNaPpY')
  const pieces: Buffer[] = []
  for (let at = 10; at < bytes.length; ) {
    expect(bytes[at]).toBe(1)
    const length = bytes.readUIntLE(at + 1, 3)
    pieces.push(bytes.subarray(at + 8, at + 4 + length))
    expect(length - 4).toBeLessThanOrEqual(65_536)
    at += 4 + length
  }
  expect(Buffer.concat(pieces).equals(payload)).toBe(true)
})

it('guards each frame with a masked CRC-32C', async () => {
  // 0xe3069283 is the CRC-32C of these digits (RFC 3720), and not the CRC-32 of zlib.
  const digits = Buffer.from('123456789')
  expect(zlibCrc(digits)).not.toBe(0xe3069283)
  const { payloads } = await encodeAnswer(digits, 'snappy')
  const masked = Buffer.from(payloads[0]).readUInt32LE(14)
  const rotated = (masked - 0xa282ead8) >>> 0
  expect(((rotated << 15) | (rotated >>> 17)) >>> 0).toBe(0xe3069283)
})
