// `--signal NAME[=PID]`: sends a signal to a running server (docs/reference/reload-and-signals.md, "Signals"). PID is a
// number, the name of a file that holds one, or the beginning of numbers followed by `*`; without it, the one server
// that is running is meant.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { PROGRAM } from '../base/constants.ts'

const SIGNALS = new Map<string, NodeJS.Signals>([
  ['stop', 'SIGKILL'],
  ['quit', 'SIGINT'],
  ['term', 'SIGTERM'],
  ['reopen', 'SIGUSR1'],
  ['reload', 'SIGHUP'],
  ['ldm', 'SIGUSR2'],
])

/** `spec` is the value of `--signal`. Returns why the signal could not be sent, or undefined if it was. */
export function sendSignal(spec: string, program: string = PROGRAM): string | undefined {
  const [name, target = '', ...more] = spec.split('=')
  if (more.length > 0) return `invalid signal parameters: [${more.join(' ')}]`
  const given = contentOf(target)
  const isPattern = given.endsWith('*')
  const prefix = isPattern ? given.slice(0, -1) : given
  if (prefix !== '' && !/^[+-]?\d+$/.test(prefix)) return `invalid pid: ${prefix}`

  let pids = [Number(prefix)]
  if (prefix === '' || isPattern) {
    const running = processesNamed(program)
    if (running === undefined) return 'unable to resolve pid, try providing one'
    pids = running
  }
  if (pids.length > 1 && !isPattern)
    return `multiple ${program} processes running:${pids.map((pid) => `\n${pid}`).join('')}`
  if (pids.length === 0) return `no ${program} processes running`
  const signal = SIGNALS.get(name)
  if (signal === undefined) return `unknown signal ${JSON.stringify(name)}`
  const failures = pids.filter((pid) => String(pid).startsWith(prefix)).map((pid) => kill(pid, signal, name))
  const text = failures.join('')
  return text === '' ? undefined : text
}

/** What a file of that name holds, or the name itself if there is none. */
function contentOf(name: string): string {
  try {
    return readFileSync(name, 'utf8').trim()
  } catch {
    return name
  }
}

function kill(pid: number, signal: NodeJS.Signals, name: string): string {
  try {
    process.kill(pid, signal)
    return ''
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException
    const reason = getSystemErrorMap().get(errno)?.[1] ?? String(error)
    return `\nsignal ${JSON.stringify(name)} ${pid}: ${reason}`
  }
}

/** Processes whose name holds `program`, as pgrep finds them, without this one; undefined if there is no telling. */
function processesNamed(program: string): number[] | undefined {
  return (fromProc(program) ?? fromPgrep(program))?.filter((pid) => pid !== process.pid)
}

function fromProc(program: string): number[] | undefined {
  let entries: string[]
  try {
    entries = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  } catch {
    return undefined
  }
  const isNamed = (entry: string): boolean => {
    try {
      return readFileSync(`/proc/${entry}/comm`, 'utf8').includes(program)
    } catch {
      return false // it has ended meanwhile
    }
  }
  // A /proc without processes is another system's.
  return entries.length === 0 ? undefined : entries.filter(isNamed).map(Number)
}

/** Where there is no /proc. */
function fromPgrep(program: string): number[] | undefined {
  try {
    return execFileSync('pgrep', [program], { encoding: 'utf8' }).trim().split('\n').map(Number)
  } catch (error) {
    return (error as { status?: number }).status === 1 ? [] : undefined // 1: there is none
  }
}
