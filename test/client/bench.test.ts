// The bench of the client runs: some loads, with each library, for a moment.

import { expect, test } from 'vitest'
import { LOADS, SOCKETS } from '../../bench/client-loads.ts'
import { STREAM_LOADS } from '../../bench/client-stream-loads.ts'
import { Program } from '../support/server.ts'

test.each(['request', 'stream'])('loads of %s go through with every library', async (only) => {
  const args = ['bench/client.ts', '--only', only, '--rounds', '1', '--scale', '0.001', '--server', 'heddle']
  const bench = new Program(process.execPath, args)
  const exit = await bench.exit(25_000)
  expect(bench.stderr).toBe('')
  expect(exit).toEqual({ code: 0, signal: null })
  const lines = bench.stdout.split('\n').filter((line) => line.startsWith('heddle '))
  const loads = [...LOADS, ...STREAM_LOADS].filter(({ name }) => name.includes(only))
  expect(lines.length).toBe(loads.reduce((sum, { libraries = SOCKETS }) => sum + libraries.length, 0))
  expect(bench.stdout).not.toContain('NaN')
})
