// A browser for tests: Debian's Chromium, driven by playwright-core. Where it is not installed, tests that need it are
// skipped, and a line says so.

import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { onTestFinished } from 'vitest'

const CHROMIUM = '/usr/bin/chromium'

/** Whether there is no browser, for describe.skipIf(); if so, says what is skipped for want of it. */
export function missingChromium(what: string): boolean {
  try {
    accessSync(CHROMIUM, constants.X_OK)
    return false
  } catch {
    process.stderr.write(`skipped: ${what}, because there is no ${CHROMIUM} (apt-get install chromium)\n`)
    return true
  }
}

/** A browser for the test that calls this. */
export async function launchChromium(): Promise<Browser> {
  // Tests may run as root, where Chromium has no sandbox; it is shown nothing but our own pages.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  onTestFinished(() => browser.close())
  return browser
}

/** Where a picture is to go: into the folder that HEDDLE_SCREENSHOTS names; undefined if none is wanted. */
export function screenshotPath(name: string): string | undefined {
  const folder = process.env['HEDDLE_SCREENSHOTS']
  if (folder === undefined) return undefined
  mkdirSync(folder, { recursive: true })
  return join(folder, `${name}.png`)
}
