// A parser's calls as lines of text, so that the parser's and its model's can be compared and read by people.

import { type Fault, Faults } from '../../src/base/errors.ts'

export type FaultName = keyof typeof Faults

export const connect = (json: string): string => `CONNECT ${json}`
/** Byte strings; the payload includes the headers. */
export const pub = (subject: string, payload: string): string => request(subject, '', payload)
export const request = (subject: string, reply: string, payload: string): string =>
  `PUB [${subject}] reply [${reply}] ${payload.length} bytes [${payload}]`
export const hpub = (subject: string, reply: string, headerSize: number, payload: string): string =>
  `HPUB [${subject}] reply [${reply}] header ${headerSize} of ${payload.length} bytes [${payload}]`
export const sub = (subject: string, sid: string, queue = ''): string =>
  `SUB [${subject}] queue [${queue}] sid [${sid}]`
export const unsub = (sid: string, max = 0): string => `UNSUB [${sid}] max ${max}`
export const ping = 'PING'
export const pong = 'PONG'
export const fault = (name: FaultName): string => `FAULT ${name}`

const NAMES = new Map<Fault, string>(Object.entries(Faults).map(([name, value]) => [value, name]))

export function faultName(value: Fault): string {
  return NAMES.get(value) ?? `(not one of Faults: ${JSON.stringify(value)})`
}
