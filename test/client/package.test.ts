// What is published: the built entries.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import type * as client from '../../src/client/index.ts'
import { VERSION } from '../../src/client/link.ts'
import { runProgram } from '../support/code-blocks.ts'
import { useServer } from '../support/harness.ts'
import { ROOT } from '../support/server.ts'

const running = useServer({ workers: 0 })

const built = (path: string): string => join(ROOT, path)
const entries = manifest.exports['./client']
const forPackages = manifest.exports['./nats-core']

test('the entry for browsers is one file, which knows nothing of Node', () => {
  const code = readFileSync(built(entries.browser.default), 'utf8')
  expect(code).not.toMatch(/^(?:import|export .* from)\b/m)
  expect(code).not.toMatch(/\bimport\(/)
  expect(code).not.toMatch(/\bBuffer\b|\bprocess\.|node:/)
})

test('the entry for Node connects', async () => {
  const { connect } = (await import(built(entries.default))) as typeof client
  const nc = await connect({ port: running.port })
  expect(await nc.rtt()).toBeGreaterThan(0)
  await nc.close()
})

test('both entries have the same names, besides', async () => {
  const names = async (path: string): Promise<string[]> => {
    const exported = Object.keys((await import(built(path))) as object)
    // What `import` adds to a CommonJS module.
    return exported.filter((name) => name !== 'default' && name !== 'module.exports').sort()
  }
  expect(await names(entries.browser.default)).toEqual(await names(entries.default))
})

test('the entry for the packages of nats.js connects, by names that an import finds', async () => {
  const said = await runProgram(`import { jetstreamManager } from '@nats-io/jetstream'
import { connect, errors, headers } from '${built(forPackages.default)}'
const nc = await connect({ port: ${running.port} })
const error = await nc.request('nobody').catch((error) => error)
const told = await jetstreamManager(nc).catch((error) => error)
console.log(error instanceof errors.RequestError, typeof headers, told.name)
await nc.close()
`)
  expect(said).toBe('true function JetStreamNotEnabled\n')
})

test('that for browsers imports nats-core alone', () => {
  const code = readFileSync(built(forPackages.browser.default), 'utf8')
  const imports = [...code.matchAll(/^(?:import|export) .*from "(.*)"/gm)].map(([, name]) => name)
  expect([...new Set(imports)]).toEqual(['@nats-io/nats-core', '@nats-io/nats-core/internal'])
  expect(code).not.toMatch(/\bBuffer\b|\bprocess\.|node:/)
})

test('CONNECT tells the version of the package', () => {
  expect(VERSION).toBe(manifest.version)
})
