// The real NATS programs that some tests run against; `npm run peers` installs them into .peers/. A test that needs
// one which is not there is skipped, and a line says so.

import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './server.ts'

const PEERS = join(ROOT, '.peers')

function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}

export const peers = {
  natsServer: executable(join(PEERS, 'bin', 'nats-server')),
  nats: executable(join(PEERS, 'bin', 'nats')),
  natsBench: executable(join(PEERS, 'bin', 'nats-bench')),
  python: executable(join(PEERS, 'venv', 'bin', 'python')),
}

/** Whether a peer is missing, for describe.skipIf(); if so, says what is skipped for want of it. */
export function missing(peer: keyof typeof peers, what: string): boolean {
  if (peers[peer] !== undefined) return false
  process.stderr.write(`skipped: ${what}, because .peers has no ${peer} (npm run peers installs it)\n`)
  return true
}
