// The configuration file as the command takes it: from outside, with real files.

import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open } from '../support/harness.ts'
import { runCommand, startCommand } from '../support/server.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'heddle-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Writes files into a folder of the test's own; answers the path of the first. */
function files(texts: Record<string, string>): string {
  const path = folder()
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(path, name), text)
  return join(path, Object.keys(texts)[0])
}

async function outcome(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = runCommand(args)
  const { code } = await program.exit()
  return { code, stdout: program.stdout, stderr: program.stderr }
}

describe('-t', () => {
  test('tells a good file by its digest, on stderr', async () => {
    const file = files({ 'x.conf': 'port: 4333\n' })
    const digest = createHash('sha256').update('{"port":4333}\n').digest('hex')
    expect(await outcome('-t', '-c', file)).toEqual({
      code: 0,
      stdout: '',
      stderr: `nats-server: configuration file ${file} is valid (sha256:${digest})\n`,
    })
  })

  test('tells a bad one by what is wrong and where', async () => {
    const file = files({ 'x.conf': 'port: 4333\n nonsense: 1\n' })
    expect(await outcome('-t', '-c', file)).toEqual({
      code: 1,
      stdout: '',
      stderr: `nats-server: ${file}:2:2: unknown field "nonsense"\n\n`,
    })
  })

  test('counts warnings as failure, checks the rules between keys, and serves nobody', async () => {
    const warned = await outcome('-t', '-c', files({ 'x.conf': 'ping_interval: 5\n' }))
    expect(warned).toMatchObject({ code: 1, stderr: expect.stringContaining('should be converted to a duration') })
    const rule = await outcome('-t', '-c', files({ 'x.conf': 'max_payload: 2mb\nmax_pending: 1mb\n' }))
    expect(rule).toMatchObject({
      code: 1,
      stderr: 'nats-server: max_payload (2097152) cannot be higher than max_pending (1048576)\n',
    })
    const guarded = await outcome('-t', '-c', files({ 'x.conf': 'authorization { token: t }\n' }))
    expect(guarded.code).toBe(0)
  })

  test('needs a file', async () => {
    expect(await outcome('-t')).toMatchObject({
      code: 1,
      stderr: 'nats-server: must specify [-c, --config] option to check configuration file syntax\n',
    })
  })

  test('takes no file that it cannot read', async () => {
    const path = folder()
    mkdirSync(join(path, 'sub'))
    writeFileSync(join(path, 'locked.conf'), 'port: 1\n')
    chmodSync(join(path, 'locked.conf'), 0)
    const told = async (name: string) => (await outcome('-t', '-c', join(path, name))).stderr
    expect(await told('nowhere.conf')).toBe(`nats-server: open ${path}/nowhere.conf: no such file or directory\n`)
    expect(await told('sub')).toBe(`nats-server: read ${path}/sub: is a directory\n`)
    if (process.getuid?.() !== 0) {
      expect(await told('locked.conf')).toBe(`nats-server: open ${path}/locked.conf: permission denied\n`)
    }
    expect(await told('/dev/zero')).toContain('/dev/zero')
  })

  test('ends for files that include each other', async () => {
    const file = files({ 'a.conf': 'include b.conf\n', 'b.conf': 'include a.conf\n' })
    const { code, stderr } = await outcome('-t', '-c', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^nats-server: include loop: \S*a\.conf -> \S*b\.conf -> \S*a\.conf\n$/)
  })
})

test('a server runs by its file, and flags beat it', async () => {
  const file = files({
    'x.conf': 'listen: "127.0.0.1:1"\nserver_name: loom\nmax_payload: 1000\nworkers: 0\ninclude more.conf\n',
    'more.conf': 'http: "127.0.0.1:-1"\nno_header_support: false\n',
  })
  const program = await startCommand(['-c', file, '-n', 'heddle'])
  onTestFinished(() => void program.stop('SIGKILL'))
  expect((await open(program.port)).info).toMatchObject({ server_name: 'heddle', max_payload: 1000 })
  await program.until(/Starting http monitor on 127\.0\.0\.1:\d+/)
})

test('warnings of the file go before the log, those of what is not there yet into it', async () => {
  const file = files({ 'x.conf': 'ping_interval: 60\ngateway { name: g, port: -1 }\nworkers: 0\n' })
  const program = await startCommand(['-c', file, '--ignore-unsupported'])
  onTestFinished(() => void program.stop('SIGKILL'))
  const [first, second] = program.stderr.split('\n')
  expect(first).toBe(
    `${file}:1:0: invalid use of field "ping_interval": ping_interval should be converted to a duration`,
  )
  expect(second).toMatch(/\[WRN\] gateways \(.*x\.conf:2\): not supported yet, ignored$/)
})

test('a configuration that needs what Heddle lacks is refused, by -t, at a start and at a reload', async () => {
  const file = files({ 'x.conf': 'port: -1\n' })
  const program = await startCommand(['-c', file])
  onTestFinished(() => void program.stop('SIGKILL'))
  writeFileSync(file, 'port: -1\nmqtt { port: 1883 }\ngateway { name: g, port: -1 }\nserver_name: n\n')
  const refusal = `not supported yet: MQTT (${file}:2), gateways (${file}:3); with --ignore-unsupported the server starts without them`
  for (const args of [[], ['-t'], ['--explain-config']]) {
    expect(await outcome(...args, '-c', file)).toEqual({ code: 1, stdout: '', stderr: `nats-server: ${refusal}\n` })
  }
  program.child.kill('SIGHUP')
  const [line] = await program.until(/Failed to reload server configuration: .*/)
  expect(line).toBe(`Failed to reload server configuration: ${refusal}`)
  const { code, stderr } = await outcome('-t', '-c', file, '--ignore-unsupported')
  expect(code).toBe(0)
  expect(stderr.split('\n').slice(0, 2)).toEqual([
    `nats-server: MQTT (${file}:2): not supported yet, ignored`,
    `nats-server: gateways (${file}:3): not supported yet, ignored`,
  ])
})

test('a server that is to guard itself does not start open', async () => {
  const file = files({ 'x.conf': 'resolver: URL("http://a:hunter2@localhost:1/")\n' })
  const { code, stderr } = await outcome('-c', file, '-a', '127.0.0.1', '-p', '-1')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^nats-server: could not fetch <"http:\/\/a:xxxxx@localhost:1\/">: /m)
  expect(stderr).not.toContain('hunter2')
})

test('--explain-config tells the settings in force and ends', async () => {
  const file = files({ 'x.conf': 'max_payload: 2mb\n' })
  const { code, stdout, stderr } = await outcome('--explain-config', '-c', file, '-p', '4333')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^port +4333 +flag -p$/m)
  expect(stdout).toMatch(/^max_payload +2MB +.*x\.conf:1$/m)
})

test('--help_tls tells how to set up TLS', async () => {
  expect(await outcome('--help_tls')).toMatchObject({ code: 0, stdout: expect.stringContaining('cert_file') })
})
