// The bench of the client runs: some loads, with each library, for a moment.

import { expect, test } from 'vitest'
import { LOADS } from '../../bench/client-loads.ts'
import { Program } from '../support/server.ts'

test('loads go through with every library', async () => {
  const args = ['bench/client.ts', '--only', 'request', '--rounds', '1', '--scale', '0.001', '--server', 'heddle']
  const bench = new Program(process.execPath, args)
  const exit = await bench.exit(25_000)
  expect(bench.stderr).toBe('')
  expect(exit).toEqual({ code: 0, signal: null })
  const lines = bench.stdout.split('\n').filter((line) => line.startsWith('heddle '))
  expect(lines.length).toBe(
    LOADS.filter(({ name }) => name.includes('request')).reduce(
      (sum, { isInProcess }) => sum + (isInProcess === true ? 1 : 3),
      0,
    ),
  )
  expect(bench.stdout).not.toContain('NaN')
})
