// Headers of the PROXY protocol, as load balancers send them.

/** Version 1: `words` behind PROXY. */
export function v1(words: string): Buffer {
  return Buffer.from(`PROXY ${words}\r\n`)
}

/** Version 2. `command` is 0x21 for PROXY, 0x20 for LOCAL; `family` 0x11 for TCP over IPv4, 0x21 over IPv6. */
export function v2(command: number, family: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.of(data.length >> 8, data.length & 0xff)
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n'), Buffer.of(command, family), length, data])
}
