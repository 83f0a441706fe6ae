// What a piece of JSON is made of, so that answers of two servers can be compared whatever their values are.

import { TIME } from '../monitor/company.ts'

export type Json = string | number | boolean | null | Json[] | { [member: string]: Json }

/** Each member's place and JSON type, such as `connections[].cid: number`; texts that are times are told apart. */
export function shapeOf(value: Json, place = '', found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) {
    found.add(`${place}: array`)
    for (const element of value) shapeOf(element, `${place}[]`, found)
  } else if (value !== null && typeof value === 'object') {
    found.add(`${place}: object`)
    for (const [name, member] of Object.entries(value)) shapeOf(member, `${place}.${name}`, found)
  } else {
    found.add(
      `${place}: ${typeof value === 'string' && TIME.test(value) ? 'time' : value === null ? 'null' : typeof value}`,
    )
  }
  return found
}
