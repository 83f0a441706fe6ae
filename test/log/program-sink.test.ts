import { expect, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Log } from '../../src/log/log.ts'
import type { LogMessage } from '../../src/log/sink.ts'

const options = { ...normaliseOptions({}), log: 'program' as const }

test('a thread has so many lines under way at most; what is dropped is counted, and told of when there is room', () => {
  const told: Extract<LogMessage, { kind: 'logLine' }>[] = []
  const tell = (message: LogMessage): void => {
    if (message.kind === 'logLine') told.push(message)
  }
  const shard = new Log(options, { name: 'shard 0', opened: new SharedArrayBuffer(4), tell })
  for (let i = 0; i < 3_000; i++) shard.info(`line ${i}`)
  expect(told).toHaveLength(1_024)

  const lines: string[] = []
  const take = (line: string): unknown => lines.push(line)
  const logger = { debug: take, info: take, warn: take, error: take }
  const primary = new Log(options, { name: 'primary', opened: new SharedArrayBuffer(4), logger })
  for (const message of told.splice(0)) primary.relay(message)
  expect(lines).toEqual(Array.from({ length: 1_024 }, (_, i) => `line ${i}`))

  shard.info('again')
  expect(told.map(({ level, line }) => [level, line])).toEqual([
    ['warn', '1976 lines of the log are missing here: too many were on their way'],
    ['info', 'again'],
  ])
})
