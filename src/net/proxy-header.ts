// The header of the PROXY protocol, by which a load balancer names the client, versions 1 and 2. It is read piece by
// piece: its memory is bounded, and each byte is examined once, however the header is cut.
//
//     version 1    PROXY TCP4 192.0.2.1 198.51.100.1 56324 4222␍␊           107 bytes at most
//     version 2    signature (12) · version, command (1) · family, protocol (1) · length (2) · addresses · more (TLVs)
//
// Error texts are nats-server's.

import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { plainAddress } from '../base/addresses.ts'
import { quote } from '../base/errors.ts'

const V1_PREFIX = Buffer.from('PROXY ')
const V1_BYTES_MAX = 107
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
const V2_FIXED_BYTES = 16
/** Bytes that say which version it is. */
const VERSION_BYTES = 6

/** Bytes of both addresses and ports, by family. */
const ADDRESS_BYTES = new Map([
  [0x10, { name: 'IPv4', bytes: 12 }],
  [0x20, { name: 'IPv6', bytes: 36 }],
])
const UNSPECIFIED = 0x00
const STREAM = 0x01
const LOCAL = 0x00
const PROXY = 0x01

const INVALID = 'invalid PROXY protocol header'
const UNSUPPORTED = 'unsupported PROXY protocol feature'

export interface Address {
  readonly ip: string
  readonly port: number
}

/** The contents of a header, or that there is none. `rest`: the bytes behind it, or all of them. */
export interface HeaderRead {
  /** The client behind the proxy; undefined: the proxy itself, as for a health check, or there is no header. */
  readonly source: Address | undefined
  readonly rest: Buffer
}

/** Why a header is none. */
export interface HeaderWrong {
  readonly wrong: string
}

const wrong = (text: string): HeaderWrong => ({ wrong: text })

/** Reads one header. */
export class ProxyHeaderReader {
  private readonly held = Buffer.allocUnsafe(V1_BYTES_MAX)
  private length = 0
  /** Version 2: bytes behind the addresses that are still to be passed over. */
  private skip = 0
  private source: Address | undefined
  private skipping = false
  /** What is being read, for the complaint about its end. */
  private reading = 'protocol version'

  /** Takes the next bytes; undefined: more are needed. Not to be called again after an answer. */
  push(bytes: Buffer): HeaderRead | HeaderWrong | undefined {
    let at = 0
    while (!this.skipping) {
      const want = this.wanted()
      if (typeof want !== 'number') return want
      if (at === bytes.length) return undefined
      // Version 1 has no length: it is taken byte by byte, up to the end of its line.
      const end = Math.min(at + want, bytes.length)
      this.length += bytes.copy(this.held, this.length, at, end)
      at = end
      const read = this.afterBytes(bytes, at)
      if (read !== undefined) return read
    }
    const passed = Math.min(this.skip, bytes.length - at)
    this.skip -= passed
    if (this.skip > 0) return undefined
    return { source: this.source, rest: bytes.subarray(at + passed) }
  }

  /** The complaint when the peer stops, by its end or (`i/o timeout`) by the time that it took. */
  whyEnded(how: 'EOF' | 'i/o timeout'): string {
    const part = how === 'EOF' && this.length > 0 && this.reading !== 'v1 line' ? 'unexpected EOF' : how
    return `failed to read ${this.reading}: ${part}`
  }

  private wanted(): number | HeaderWrong {
    const { held, length } = this
    if (length < VERSION_BYTES) return VERSION_BYTES - length
    if (held[0] === V1_PREFIX[0]) return length < V1_BYTES_MAX ? 1 : wrong(`${INVALID}: v1 line too long`)
    if (length < V2_SIGNATURE.length) return V2_SIGNATURE.length - length
    if (length < V2_FIXED_BYTES) return V2_FIXED_BYTES - length
    return V2_FIXED_BYTES + this.addressBytes() - length
  }

  /** `at`: where the bytes behind those that were held begin. */
  private afterBytes(bytes: Buffer, at: number): HeaderRead | HeaderWrong | undefined {
    const { held, length } = this
    const known = Math.min(length, VERSION_BYTES)
    const isV1 = held.compare(V1_PREFIX, 0, known, 0, known) === 0
    if (!isV1 && held.compare(V2_SIGNATURE, 0, known, 0, known) !== 0) {
      return { source: undefined, rest: Buffer.concat([held.subarray(0, length), bytes.subarray(at)]) }
    }
    if (length < VERSION_BYTES) return undefined
    if (isV1) {
      this.reading = 'v1 line'
      const hasEnded = length >= VERSION_BYTES + 2 && held[length - 2] === 0x0d && held[length - 1] === 0x0a
      return hasEnded ? this.lineRead(bytes.subarray(at)) : undefined
    }
    if (length < V2_SIGNATURE.length) {
      this.reading = 'v2 signature'
      return undefined
    }
    if (held.compare(V2_SIGNATURE, 0, V2_SIGNATURE.length, 0, V2_SIGNATURE.length) !== 0) {
      return wrong(`${INVALID}: invalid signature`)
    }
    if (length < V2_FIXED_BYTES) {
      this.reading = 'v2 header'
      return undefined
    }
    return length === V2_FIXED_BYTES ? this.fixedRead() : this.addressesRead()
  }

  // ── Version 1 ─────────────────────────────────────────────────────────────────────────────────────────

  private lineRead(rest: Buffer): HeaderRead | HeaderWrong {
    const line = this.held.toString('latin1', VERSION_BYTES, this.length - 2)
    const words = line.split(/[\t\n\v\f\r ]/).filter((word) => word !== '')
    const [protocol, from, to, fromPort, toPort] = words
    if (protocol === 'UNKNOWN') return { source: undefined, rest }
    if (words.length !== 5) return wrong(`${INVALID}: invalid v1 format`)
    if (!isAddress(from) || !isAddress(to)) return wrong(`${INVALID}: invalid address`)
    const reason = whyNoPort('source', fromPort) ?? whyNoPort('dest', toPort)
    if (reason !== undefined) return wrong(reason)
    if (protocol !== 'TCP4' && protocol !== 'TCP6') return wrong(`${INVALID}: invalid protocol ${protocol}`)
    const fits = protocol === 'TCP4' ? isIPv4 : isIPv6
    if (!fits(from) || !fits(to)) {
      return wrong(`${INVALID}: ${protocol} with ${protocol === 'TCP4' ? 'IPv6' : 'IPv4'} address`)
    }
    return { source: { ip: canonical(from), port: Number(fromPort) }, rest }
  }

  // ── Version 2 ─────────────────────────────────────────────────────────────────────────────────────────

  private addressBytes(): number {
    return ADDRESS_BYTES.get(this.held[13] & 0xf0)?.bytes ?? 0
  }

  private fixedRead(): HeaderWrong | undefined {
    const { held } = this
    const [version, command] = [held[12] & 0xf0, held[12] & 0x0f]
    const [family, protocol] = [held[13] & 0xf0, held[13] & 0x0f]
    const following = held.readUInt16BE(14)
    if (version !== 0x20) return wrong(`${INVALID}: invalid version ${hexByte(version)}`)
    if (command === LOCAL) return this.passOver(following, 'discard LOCAL command address data')
    if (command !== PROXY) return wrong(`unknown PROXY protocol command: ${hexByte(command)}`)
    if (protocol !== STREAM) return wrong(`${UNSUPPORTED}: only STREAM protocol supported`)
    if (family === UNSPECIFIED) return this.passOver(following, 'discard UNSPEC address address data')
    const known = ADDRESS_BYTES.get(family)
    if (known === undefined) return wrong(`${UNSUPPORTED}: unsupported address family ${hexByte(family)}`)
    if (following < known.bytes) return wrong(`${known.name} address data too short: ${following} bytes`)
    this.reading = `${known.name} address data`
    this.skip = following - known.bytes
    return undefined
  }

  private passOver(bytes: number, what: string): undefined {
    this.reading = what
    this.skip = bytes
    this.skipping = true
  }

  private addressesRead(): undefined {
    const { held } = this
    const bytes = this.addressBytes()
    if (this.length < V2_FIXED_BYTES + bytes) return
    const address = held.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + (bytes === 12 ? 4 : 16))
    const port = held.readUInt16BE(V2_FIXED_BYTES + bytes - 4)
    this.source = { ip: addressText(address), port }
    this.skipping = true
  }
}

/** As Go reads addresses: without the zone that Node keeps behind one. */
function isAddress(text: string): boolean {
  return isIPv4(text) || (isIPv6(text) && !text.includes('%'))
}

function whyNoPort(which: 'source' | 'dest', text: string): string | undefined {
  const reason = !/^[0-9]+$/.test(text) ? 'invalid syntax' : Number(text) > 65_535 ? 'value out of range' : undefined
  return reason && `invalid ${which} port: strconv.ParseUint: parsing ${quote(text)}: ${reason}`
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return canonical(groups.join(':'))
}

/** An address as Node writes those of sockets: `2001:DB8:0::1` is 2001:db8::1. */
function canonical(text: string): string {
  return isIPv4(text) ? text : plainAddress(new SocketAddress({ address: text, family: 'ipv6' }).address)
}

function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}
