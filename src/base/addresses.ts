// Host and port as text: for listening, for INFO, for the ports file.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** Every address of the machine: the default of listeners. */
export const ANY_HOST = '0.0.0.0'

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return `${bracketed(host)}:${port}`
}

/** A host in the form before a port. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Takes `host:port`, `[host]:port` or `host` apart; without a port, or with 0 or -1, it is `defaultPort`. */
export function parseHostPort(text: string, defaultPort: number): { host: string; port: number } {
  const parts = /^(?:\[(.*)\]|([^:]*))(?::(-?\d+))?$/.exec(text)
  if (parts === null) return { host: text, port: defaultPort } // a bare IPv6 address
  const port = Number(parts[3] ?? 0)
  return { host: parts[1] ?? parts[2], port: port > 0 ? port : defaultPort }
}

/** Whether a host means every address of the machine. */
export function isAnyAddress(host: string): boolean {
  return host === ANY_HOST || host === '::'
}

/** `::ffff:127.0.0.1` is how a listener for both families names an IPv4 peer: 127.0.0.1. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}

function ownAddresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
}

/** Addresses of this machine on which a listener at `address` is reached: IPv4 first. */
function reachedAt(address: string): { address: string }[] {
  if (!isAnyAddress(address)) return [{ address }]
  const all = ownAddresses()
  const family = (name: string): typeof all => all.filter((one) => one.family === name)
  return address === '::' ? [...family('IPv4'), ...family('IPv6')] : family('IPv4')
}

/** URLs under which a listener at `address` is reached on this machine. */
export function listenerUrls(scheme: string, address: string, port: number): string[] {
  return reachedAt(address).map((one) => `${scheme}://${hostPort(one.address, port)}`)
}

/** `host:port` of each address under which other machines reach a listener at `host`. */
export function reachedFromOutside(host: string, port: number): string[] {
  if (!isAnyAddress(host)) return [hostPort(host, port)]
  const reached = ownAddresses().filter(({ address }) => !address.startsWith('fe80:'))
  const outside = reached.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : reached).map(({ address }) => hostPort(address, port))
}
