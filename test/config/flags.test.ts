import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { type Command, parseFlags, type RunCommand } from '../../src/config/flags.ts'
import { tlsUsage, usage } from '../../src/config/help.ts'
import { SETTINGS } from '../../src/config/table/table.ts'
import type { Options } from '../../src/options/options.ts'
import { missing, peers } from '../support/peers.ts'

function run(...argv: string[]): RunCommand {
  const command = parseFlags(argv)
  if (command.kind !== 'run') expect.fail(`${argv.join(' ')}: ${JSON.stringify(command)}`)
  return command
}

const values = (...argv: string[]): Partial<Options> => run(...argv).layer.values

test('no flags at all serve with what is usual for the command', () => {
  expect(run()).toMatchObject({ purpose: 'serve', configFile: '', tls: undefined, routes: false })
  expect(values()).toEqual({ log: 'stderr' })
})

const GOOD: readonly (readonly [flags: readonly string[], options: Partial<Options>])[] = [
  [['a', 'addr', 'net'], { host: '127.0.0.1' }],
  [['p', 'port'], { port: 4333 }],
  [['n', 'name', 'server_name'], { name: 'loom' }],
  [['P', 'pid'], { pidFile: '/tmp/x.pid' }],
  [['m', 'http_port'], { monitorPort: 8222 }],
  [['ms', 'https_port'], { httpsPort: 8443 }],
  [['client_advertise'], { clientAdvertise: 'a:1' }],
  [['ports_file_dir'], { portsFileDir: '/tmp' }],
  [['l', 'log'], { logFile: '/tmp/x.log' }],
  [['r', 'remote_syslog'], { remoteSyslog: 'udp://localhost:514' }],
  [['log_size_limit'], { logSizeLimit: 1000 }],
  [['max_traced_msg_len'], { maxTracedMessageLength: 10 }],
  [['log_format'], { logFormat: 'json' }],
  [['profile'], { profPort: 6060 }],
  [['workers'], { workers: 2 }],
]

test.each(GOOD.flatMap(([flags, options]) => flags.map((flag) => [flag, options] as const)))(
  '%s takes a value, behind one dash or two, after a blank or =',
  (flag, options) => {
    const value = String(Object.values(options)[0])
    for (const argv of [[`-${flag}`, value], [`--${flag}`, value], [`-${flag}=${value}`], [`--${flag}=${value}`]]) {
      expect(values(...argv), argv.join(' ')).toEqual({ log: 'stderr', ...options })
    }
  },
)

const SWITCHES: readonly (readonly [flags: readonly string[], options: readonly (keyof Options)[]])[] = [
  [['D', 'debug'], ['debug']],
  [['V', 'trace'], ['trace']],
  [['VV'], ['trace', 'traceVerbose']],
  [['DV'], ['debug', 'trace']],
  [['DVV'], ['debug', 'trace', 'traceVerbose']],
  [['T', 'logtime'], ['logTime']],
  [['logtime_utc'], ['logTimeUtc']],
  [['s', 'syslog'], ['syslog']],
]

test.each(SWITCHES.flatMap(([flags, options]) => flags.map((flag) => [flag, options] as const)))(
  '-%s switches on, and off with =false',
  (flag, options) => {
    const all = (on: boolean) => ({ log: 'stderr', ...Object.fromEntries(options.map((option) => [option, on])) })
    for (const text of ['', '=true', '=1', '=t', '=T', '=TRUE', '=True']) {
      expect(values(`-${flag}${text}`), text).toEqual(all(true))
      expect(values(`--${flag}${text}`), text).toEqual(all(true))
    }
    for (const text of ['=false', '=0', '=f', '=F', '=FALSE', '=False']) {
      expect(values(`-${flag}${text}`), text).toEqual(all(false))
    }
  },
)

test('many flags together, the last of each counting', () => {
  expect(values('-p', '1', '-DV', '--port=2', '-n', 'a', '--debug=false', '-p', '-1')).toEqual({
    log: 'stderr',
    port: -1,
    debug: false,
    trace: true,
    name: 'a',
  })
})

test('a value may look like a flag, hold =, or be empty', () => {
  expect(values('-n', '-p').name).toBe('-p')
  expect(values('--name=a=b').name).toBe('a=b')
  expect(values('--name=').name).toBe('')
})

test.each([
  ['0x10', 16],
  ['0b101', 5],
  ['0o17', 15],
  ['017', 15],
  ['+5', 5],
  ['-1', -1],
])('a number may be written %s', (text, port) => {
  expect(values('-p', text).port).toBe(port)
})

test('a port of 0 is the default, even where the file says otherwise', () => {
  const { layer } = run('-p', '0')
  expect(layer.values.port).toBeUndefined()
  expect(layer.origins.get('port')).toBe('flag -p')
})

test('each value knows which flag it came from', () => {
  const { layer } = run('--addr', 'x', '-DV')
  expect(layer.origins.get('host')).toBe('flag -addr')
  expect(layer.origins.get('debug')).toBe('flag -DV')
})

test('a file, and what is to be done with it', () => {
  expect(run('-c', 'x.conf')).toMatchObject({ purpose: 'serve', configFile: 'x.conf' })
  expect(run('-t', '--config=x.conf')).toMatchObject({ purpose: 'check', configFile: 'x.conf' })
  expect(run('--explain-config', '-c', 'x.conf')).toMatchObject({ purpose: 'explain', configFile: 'x.conf' })
  expect(run('--explain-config')).toMatchObject({ purpose: 'explain', configFile: '', all: false })
  expect(run('--explain-config', '--all')).toMatchObject({ purpose: 'explain', all: true })
  expect(parseFlags(['--all'])).toEqual({
    kind: 'refused',
    text: '--all can only be used together with --explain-config',
  })
  expect(parseFlags(['-t'])).toEqual({
    kind: 'refused',
    text: 'must specify [-c, --config] option to check configuration file syntax',
  })
})

test('credentials and TLS are kept for the normaliser', () => {
  expect(run('--user', 'a', '--pass', 'b', '--auth=c').layer.credentials).toEqual({
    username: 'a',
    password: 'b',
    token: 'c',
  })
  expect(run('--tls', '--tlscert', 'c', '--tlskey', 'k', '--tlscacert', 'a', '--tlsverify').tls).toEqual({
    on: true,
    certFile: 'c',
    keyFile: 'k',
    caFile: 'a',
    verify: true,
    verifyOptional: false,
  })
  expect(run('--tls=false').tls).toMatchObject({ on: false })
  expect(run('--tlsverify').tls).toMatchObject({ on: undefined, verify: true })
  expect(run('--tlsverify=Optional').tls).toMatchObject({ on: undefined, verify: false, verifyOptional: true })
})

test('what flags say of clusters and streams is noted', () => {
  const { layer, routes } = run(
    '-js',
    '--cluster',
    'nats://0.0.0.0:6222',
    '--routes=nats://a:1',
    '--no_advertise=false',
  )
  expect([...layer.features.keys()]).toEqual([])
  expect(layer.later.cluster).toEqual({ host: '0.0.0.0', port: 6222, routes: ['nats://a:1'] })
  expect(layer.later.jetstream).toEqual({ enabled: true })
  expect(routes).toBe(false)
  expect(run('--routes', 'nats://a:1').routes).toBe(true)
  expect([...run('--js=false', '--cluster=').layer.features.keys()]).toEqual([])
})

test.each([['-h'], ['--help'], ['help'], ['-help'], ['HELP'], ['-p', '1', '--help'], ['help', 'x']])(
  '%s asks for help',
  (...argv) => {
    expect(parseFlags(argv)).toEqual({ kind: 'help' })
  },
)

test.each([['-v'], ['--version'], ['version'], ['-DV', '-v'], ['-v', '-h']])('%s asks for the version', (...argv) => {
  expect(parseFlags(argv)).toEqual({ kind: 'version' })
})

test('--help_tls asks for that of TLS', () => {
  expect(parseFlags(['--help_tls'])).toEqual({ kind: 'tlsHelp' })
  expect(tlsUsage()).toContain('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256')
})

test.each([
  [['-sl', 'reload'], 'reload'],
  [['--signal=stop=123'], 'stop=123'],
])('%j sends a signal', (argv, spec) => {
  expect(parseFlags(argv)).toEqual({ kind: 'signal', spec })
})

const WRONG: readonly (readonly [what: string, argv: readonly string[], command: Command])[] = [
  ['an unknown flag', ['-x'], { kind: 'badFlag', text: 'flag provided but not defined: -x' }],
  ['an unknown long flag', ['--unknown=1'], { kind: 'badFlag', text: 'flag provided but not defined: -unknown' }],
  ['one V too many', ['-DVVV'], { kind: 'badFlag', text: 'flag provided but not defined: -DVVV' }],
  ['a flag in the wrong letter case', ['-d'], { kind: 'badFlag', text: 'flag provided but not defined: -d' }],
  [
    'a flag of the prototype',
    ['--constructor'],
    { kind: 'badFlag', text: 'flag provided but not defined: -constructor' },
  ],
  ['a word', ['serve'], { kind: 'refused', text: 'unrecognized command: "serve"' }],
  ['a word behind flags', ['-D', 'serve', '-x'], { kind: 'refused', text: 'unrecognized command: "serve"' }],
  ['a dash', ['-'], { kind: 'refused', text: 'unrecognized command: "-"' }],
  ['nothing', [''], { kind: 'refused', text: 'unrecognized command: ""' }],
  ['a word behind --', ['--', 'foo'], { kind: 'refused', text: 'unrecognized command: "foo"' }],
  ['three dashes', ['---p'], { kind: 'badFlag', text: 'bad flag syntax: ---p' }],
  ['no name', ['--=1'], { kind: 'badFlag', text: 'bad flag syntax: --=1' }],
  ['a flag without its value', ['-p'], { kind: 'badFlag', text: 'flag needs an argument: -p' }],
  ['a text flag without its value', ['-D', '--addr'], { kind: 'badFlag', text: 'flag needs an argument: -addr' }],
  ['a port in letters', ['-p', 'http'], { kind: 'badFlag', text: 'invalid value "http" for flag -p: parse error' }],
  ['an empty port', ['-p='], { kind: 'badFlag', text: 'invalid value "" for flag -p: parse error' }],
  [
    'a port beyond all',
    ['-p', '99999999999999999999'],
    { kind: 'badFlag', text: 'invalid value "99999999999999999999" for flag -p: value out of range' },
  ],
  ['a fraction', ['-m', '1.5'], { kind: 'badFlag', text: 'invalid value "1.5" for flag -m: parse error' }],
  ['an exponent', ['-m', '1e3'], { kind: 'badFlag', text: 'invalid value "1e3" for flag -m: parse error' }],
  [
    'a truth value that is none',
    ['-D=yes'],
    { kind: 'badFlag', text: 'invalid boolean value "yes" for -D: parse error' },
  ],
  [
    'a truth value that is none, where a word may be one',
    ['--tlsverify=x'],
    {
      kind: 'badFlag',
      text:
        'invalid boolean value "x" for -tlsverify: expected true, false, or optional: ' +
        'strconv.ParseBool: parsing "x": invalid syntax',
    },
  ],
]

test.each(WRONG)('%s is told in the words of nats-server', (_, argv, command) => {
  expect(parseFlags(argv)).toEqual(command)
})

test('a format that there is not is refused', () => {
  expect(parseFlags(['--log_format', 'xml'])).toEqual({
    kind: 'badFlag',
    text: 'invalid value "xml" for flag -log_format: must be text or json',
  })
})

describe.skipIf(missing('natsServer', 'flags beside nats-server'))('beside nats-server', () => {
  test.each(WRONG)('%s', async (_, argv, command) => {
    const theirs = await new Promise<{ code: number; stderr: string }>((resolve) => {
      execFile(peers.natsServer as string, argv as string[], { timeout: 10_000 }, (error, __, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stderr })
      })
    })
    const prefix = command.kind === 'refused' ? 'nats-server: ' : ''
    const text = 'text' in command ? command.text : ''
    expect({ code: command.kind === 'refused' ? 1 : 0, stderr: `${prefix}${text}\n` }).toEqual(theirs)
  })

  test('every flag of its usage is a flag of ours', async () => {
    const text = await new Promise<string>((resolve) => {
      execFile(peers.natsServer as string, ['-h'], { timeout: 10_000 }, (_, stdout) => resolve(stdout))
    })
    const flags = [...text.matchAll(/(?<=[\s,])--?([A-Za-z_]+)/g)].map(([, name]) => name)
    expect(flags.length).toBeGreaterThan(50)
    const unknown = flags.filter((name) => {
      const command = parseFlags([`-${name}`])
      return command.kind === 'badFlag' && command.text.startsWith('flag provided')
    })
    expect(unknown).toEqual([])
  })
})

test('the usage names every flag, in lines that fit', () => {
  const text = usage()
  for (const { flags } of SETTINGS) for (const flag of flags) expect(text).toMatch(new RegExp(` --?${flag}[ ,\n]`))
  for (const flag of ['-c', '-t', '-sl', '-DV', '-DVV', '--user', '--tlscert', '-h', '-v', '--explain-config']) {
    expect(text).toMatch(new RegExp(` ${flag}[ ,]`))
  }
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})
