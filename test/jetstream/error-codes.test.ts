// Each error of the API, beside nats-server: the same request has it from both.

import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { useBoth } from './beside.ts'
import { converse, type Step } from './conversation.ts'
import { ERROR_CASES } from './error-cases.ts'

const CASES = Object.entries(ERROR_CASES).filter(
  (each): each is [string, readonly Step[]] => typeof each[1] !== 'string',
)

/** Each case has streams of its own, which are deleted when it is over. */
function named(steps: readonly Step[], code: string): Step[] {
  const all = [...steps, ...['S', 'T'].map((name) => ({ api: `STREAM.DELETE.${name}` }))]
  const text = JSON.stringify(all)
  return JSON.parse(text.replaceAll(/\b[ST]\b(?![:+])/g, (name) => `${name}${code}`)) as Step[]
}

/** All errors in what was heard. */
function errorsIn(heard: unknown): unknown[] {
  const found: unknown[] = []
  JSON.stringify(heard, (name, value: unknown) => {
    if (name === 'error') found.push(value)
    return value
  })
  return found
}

describe.skipIf(missing('natsServer', 'the errors of the API beside nats-server')).each([0, 2])(
  'with %i workers',
  (workers) => {
    const ports = useBoth(workers)

    test.each(CASES)('error %s has the same cause, and the same words', async (code, steps) => {
      const said = named(steps, code)
      const [theirs, ours] = await Promise.all(ports().map((port) => converse(port, said)))
      const [expected, errors] = [theirs, ours].map((heard) => errorsIn(heard.slice(0, steps.length)))
      expect(expected.map((error) => (error as { err_code: number }).err_code)).toContain(Number(code))
      expect(errors).toEqual(expected)
    })
  },
)
