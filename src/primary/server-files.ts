// The two files for other programs: the process id and the ports (docs/reference/logging.md, "Files for other
// programs").

import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../base/constants.ts'
import { osErrorText } from '../base/errors.ts'
import type { Log } from '../log/log.ts'

const PID_FILE_MODE = 0o600

/** Digits only, no line end; it stays when the server ends. Returns the error if it cannot be written. */
export function writePidFile(path: string): unknown {
  try {
    writeFileSync(path, String(process.pid), { mode: PID_FILE_MODE })
    return undefined
  } catch (error) {
    return error
  }
}

/** URLs by what they serve; kinds without any are left out. */
export interface Ports {
  readonly websocket?: readonly string[]
  readonly nats: readonly string[]
  readonly monitoring?: readonly string[]
  /** For other servers of the cluster. */
  readonly cluster?: readonly string[]
  /** For HTTP clients and the Unix socket: only in Heddle. */
  readonly http?: readonly string[]
  readonly unix?: readonly string[]
}

function portsFile(folder: string): string {
  return join(folder, `${PROGRAM}_${process.pid}.ports`)
}

/** An empty `folder` means that no such file is wanted. Failures are for the log only. */
export function writePortsFile(folder: string, ports: Ports, log: Log): void {
  if (folder === '') return
  const path = portsFile(folder)
  try {
    writeFileSync(path, JSON.stringify(ports))
  } catch (error) {
    log.error(`Error writing ports file (${path}): ${osErrorText(error)}`)
  }
}

export function removePortsFile(folder: string, log: Log): void {
  if (folder === '') return
  const path = portsFile(folder)
  try {
    unlinkSync(path)
  } catch (error) {
    log.error(`Error cleaning up ports file ${path}: ${osErrorText(error)}`)
  }
}
