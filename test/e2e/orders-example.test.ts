// examples/orders: the two services as they stand there.

import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ownPrimary } from '../support/harness.ts'
import { Program } from '../support/server.ts'

test('each subscriber prints each order, those that share get each but once', async () => {
  const { port } = (await ownPrimary({ workers: 1 })).identity
  const env = { ...process.env, NATS_URL: `nats://127.0.0.1:${port}` }
  const start = (name: string, ...args: string[]): Program => {
    const file = fileURLToPath(new URL(`../../examples/orders/${name}.ts`, import.meta.url))
    const program = new Program(process.execPath, [file, ...args], env)
    onTestFinished(() => void program.stop('SIGKILL'))
    return program
  }
  const alone = start('subscriber')
  const sharing = [start('subscriber', '--share'), start('subscriber', '--share')]
  for (const program of [alone, ...sharing]) await program.until(/Waiting for orders/)
  for (const item of ['Laptop', 'Lamp', 'Chair']) {
    const publisher = start('publisher', item, '3')
    expect(await publisher.exit()).toEqual({ code: 0, signal: null })
    expect(publisher.stdout).toMatch(new RegExp(`Order published: \\{"id":\\d+,"item":"${item}","quantity":3\\}`))
  }
  await alone.until(/"Laptop".*"Lamp".*"Chair"/s)
  for (const program of [alone, ...sharing]) expect(await program.stop()).toEqual({ code: 0, signal: null })
  const shared = sharing.flatMap(({ stdout }) => stdout.match(/"item":"\w+"/g) ?? [])
  expect(shared.sort()).toEqual(['"item":"Chair"', '"item":"Lamp"', '"item":"Laptop"'])
})
