// Steps of conversations that are often taken, in a line each.

import type { Step } from './conversation.ts'

type Members = Readonly<Record<string, unknown>>

export const create = (name: string, more: Members = {}): Step => ({
  api: `STREAM.CREATE.${name}`,
  body: { name, subjects: [`${name}.>`], ...more },
})
export const update = (name: string, more: Members = {}): Step => ({
  api: `STREAM.UPDATE.${name}`,
  body: { name, subjects: [`${name}.>`], ...more },
})
export const remove = (name: string): Step => ({ api: `STREAM.DELETE.${name}` })
export const info = (name: string, body?: Members): Step => ({ api: `STREAM.INFO.${name}`, body })
export const put = (publish: string, body = '', header?: Record<string, string>): Step => ({
  publish,
  body,
  header,
})
export const times = (count: number, make: (i: number) => Step): Step[] =>
  Array.from({ length: count }, (_, i) => make(i + 1))
/** The headers of a message of an atomic batch. */
export const batch = (id: string, sequence: number, commit?: string): Record<string, string> => ({
  'Nats-Batch-Id': id,
  'Nats-Batch-Sequence': String(sequence),
  ...(commit === undefined ? {} : { 'Nats-Batch-Commit': commit }),
})
/** A stream that is created and, where that worked, deleted. */
export const tried = (config: Members): Step[] => [create('S', config), remove('S')]
