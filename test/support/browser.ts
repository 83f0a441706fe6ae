// A real Chromium for tests of pages: the machine's own, or the one that `npm run peers` unpacks into .peers/.

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { ROOT } from './server.ts'

const UNPACKED = join(ROOT, '.peers', 'chromium', 'usr', 'lib')
const LIBRARIES = join(UNPACKED, `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', join(UNPACKED, 'chromium', 'chromium')]

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const program = PLACES.find(isExecutable)

/** Whether there is no browser, for describe.skipIf(); if so, says what is skipped for want of it. */
export function browserMissing(what: string): boolean {
  if (program !== undefined) return false
  process.stderr.write(`skipped: ${what}, because there is no Chromium (npm run peers unpacks one where it can)\n`)
  return true
}

/** Starts the browser. The caller closes it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: program ?? '',
    // Where tests run as root the sandbox is not to be had, and /dev/shm may be small.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    env: { ...process.env, LD_LIBRARY_PATH: `${LIBRARIES}:${join(LIBRARIES, 'pulseaudio')}` },
  })
}
