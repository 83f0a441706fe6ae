// A test's server does not outlive who runs the test, even one that is killed and cannot clean up.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { Program } from '../support/server.ts'
import { until } from '../support/until.ts'

const ABANDON = fileURLToPath(new URL('../support/abandon.ts', import.meta.url))

/** Ended, and perhaps not yet buried by its new parent. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return true
  }
}

test.skipIf(process.platform !== 'linux')('a server whose runner is killed ends', async () => {
  const runner = new Program(process.execPath, [ABANDON])
  onTestFinished(() => void runner.stop('SIGKILL'))
  const [, pid] = await runner.until(/serving as (\d+)\n/)
  expect(isGone(Number(pid))).toBe(false)
  runner.child.kill('SIGKILL')
  await until('the end of its server', () => isGone(Number(pid)))
})
