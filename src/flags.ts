// The command line (reference 1): flags with one or two dashes, a value after a blank or `=`, booleans with `=false`.

import type { ServerOptions } from './options.ts'

export type Command =
  | { readonly kind: 'serve'; readonly options: ServerOptions }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  /** What stands behind `--signal`. */
  | { readonly kind: 'signal'; readonly spec: string }
  /** The text for stderr, in the words of nats-server. */
  | { readonly kind: 'wrong'; readonly text: string }

export const USAGE = `
Usage: heddle [options]

Server Options:
    -a, --addr, --net <host>         Bind to host address (default: 0.0.0.0)
    -p, --port <port>                Use port for clients (default: 4222, -1 = any free one)
    -n, --name, --server_name <name> Server name (default: auto)
    -m, --http_port <port>           Use port for http monitoring
        --workers <n>                Worker threads that serve clients (default: one less than
                                     processors, at least 1; 0 = everything on one thread)

Logging Options:
    -D, --debug                      Enable debugging output
    -V, --trace                      Trace the raw protocol
    -DV                              Debug and trace

    -sl, --signal <name>[=<pid>]     Send a signal to a running server: ldm, stop, quit, term,
                                     reopen, reload

Common Options:
    -h, --help                       Show this message
    -v, --version                    Show version
`

type Flag =
  | { readonly kind: 'text'; readonly set: (options: ServerOptions, value: string) => void }
  | { readonly kind: 'integer'; readonly set: (options: ServerOptions, value: number) => void }
  | { readonly kind: 'boolean'; readonly set: (options: ServerOptions, value: boolean) => void }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'signal' }

const host: Flag = {
  kind: 'text',
  set: (options, value) => {
    options.host = value
  },
}
const port: Flag = {
  kind: 'integer',
  set: (options, value) => {
    options.port = value
  },
}
const name: Flag = {
  kind: 'text',
  set: (options, value) => {
    options.name = value
  },
}
const monitor: Flag = {
  kind: 'integer',
  set: (options, value) => {
    options.monitorPort = value
  },
}
const workers: Flag = {
  kind: 'integer',
  set: (options, value) => {
    options.workers = value
  },
}
const debug: Flag = {
  kind: 'boolean',
  set: (options, value) => {
    options.debug = value
  },
}
const trace: Flag = {
  kind: 'boolean',
  set: (options, value) => {
    options.trace = value
  },
}
const debugTrace: Flag = {
  kind: 'boolean',
  set: (options, value) => {
    options.debug = value
    options.trace = value
  },
}

const FLAGS = new Map<string, Flag>([
  ['a', host],
  ['addr', host],
  ['net', host],
  ['p', port],
  ['port', port],
  ['n', name],
  ['name', name],
  ['server_name', name],
  ['m', monitor],
  ['http_port', monitor],
  ['workers', workers],
  ['D', debug],
  ['debug', debug],
  ['V', trace],
  ['trace', trace],
  ['DV', debugTrace],
  ['h', { kind: 'help' }],
  ['help', { kind: 'help' }],
  ['v', { kind: 'version' }],
  ['version', { kind: 'version' }],
  ['sl', { kind: 'signal' }],
  ['signal', { kind: 'signal' }],
])

const BOOLEANS = new Map([
  ['1', true],
  ['t', true],
  ['T', true],
  ['true', true],
  ['TRUE', true],
  ['True', true],
  ['0', false],
  ['f', false],
  ['F', false],
  ['false', false],
  ['FALSE', false],
  ['False', false],
])

/** Reads the arguments behind the program's name. */
export function parseFlags(argv: readonly string[]): Command {
  const options: ServerOptions = { log: 'stderr' }
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]
    if (argument === 'help') return { kind: 'help' }
    if (argument === 'version') return { kind: 'version' }
    const parts = /^--?([^=]+)(?:=(.*))?$/.exec(argument)
    if (parts === null) return { kind: 'wrong', text: `unrecognized command: "${argument}"` }
    const flag = FLAGS.get(parts[1])
    let value: string | undefined = parts[2]
    if (flag === undefined) return { kind: 'wrong', text: `flag provided but not defined: -${parts[1]}` }
    if (flag.kind === 'help' || flag.kind === 'version') return { kind: flag.kind }
    if (flag.kind === 'boolean') {
      const on = BOOLEANS.get(value ?? 'true')
      if (on === undefined) {
        return { kind: 'wrong', text: `invalid boolean value "${value}" for -${parts[1]}: parse error` }
      }
      flag.set(options, on)
      continue
    }
    value ??= argv[++i]
    if (value === undefined) return { kind: 'wrong', text: `flag needs an argument: -${parts[1]}` }
    if (flag.kind === 'signal') return { kind: 'signal', spec: value }
    if (flag.kind === 'text') flag.set(options, value)
    else if (/^-?\d{1,10}$/.test(value)) flag.set(options, Number(value))
    else return { kind: 'wrong', text: `invalid value "${value}" for flag -${parts[1]}: parse error` }
  }
  return { kind: 'serve', options }
}
