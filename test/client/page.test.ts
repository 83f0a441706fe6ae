// docs/client.md: its code blocks are run as they stand there, each as a program of its own, against real servers.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type CodeBlock, codeBlocks, promised, replaced, runProgram } from '../support/code-blocks.ts'
import { HEDDLES, startConfigured } from '../support/configured-servers.ts'
import { ownServer } from '../support/harness.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import { Authority } from '../tls/certificates.ts'

const PAGE = 'docs/client.md'
const blocks = codeBlocks(PAGE)
const programs = blocks.filter(({ language }) => language === 'ts')
const directory = mkdtempSync(join(tmpdir(), 'heddle-page-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function file(name: string, contents: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, contents)
  return path
}

/** Starts the server that a block is about; answers what in its text stands for something else here. */
const SERVERS: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
  '': async () => {
    const { port } = await ownServer({ workers: 0 })
    return { '127.0.0.1:4222': `127.0.0.1:${port}` }
  },
  token: async () => {
    const { port } = await ownServer({ workers: 0, authorization: { token: 's3cret' } })
    return { '127.0.0.1:4222': `127.0.0.1:${port}` }
  },
  creds: async () => {
    const [operator, account] = [new TestOperator(), new TestAccount('A')]
    await operator.sign(account)
    const { port } = await startConfigured(HEDDLES[0], await operator.config())
    const { creds } = await account.user()
    return { '127.0.0.1:4222': `127.0.0.1:${port}`, '/etc/app/user.creds': file('user.creds', creds) }
  },
  tls: async () => {
    const authority = new Authority()
    const { cert, key } = authority.issue({ subject: 'server', ips: ['127.0.0.1'] })
    const pair = `cert_file: "${file('cert.pem', cert)}", key_file: "${file('key.pem', key)}"`
    const { port } = await startConfigured(HEDDLES[0], `tls { ${pair} }`)
    return { '127.0.0.1:4222': `127.0.0.1:${port}`, '/etc/app/ca.pem': file('ca.pem', authority.cert) }
  },
  streams: async () => {
    const { port } = await ownServer({ workers: 0, jetstream: { storeDir: mkdtempSync(join(directory, 'streams-')) } })
    return { '127.0.0.1:4222': `127.0.0.1:${port}` }
  },
  unix: async () => {
    const unixSocket = join(directory, 'heddle.sock')
    const { port } = await ownServer({ workers: 0, unixSocket })
    return { '127.0.0.1:4222': `127.0.0.1:${port}`, '/run/heddle/heddle.sock': unixSocket }
  },
  websocket: async () => {
    const { webSocketPort } = await ownServer({ workers: 0, websocket: { host: '127.0.0.1', port: -1, noTls: true } })
    return { '127.0.0.1:8080': `127.0.0.1:${webSocketPort}` }
  },
}

const BEGINNING = programs[1].text

/** Runs a block; answers what it printed. */
async function run({ text, mark }: CodeBlock): Promise<string> {
  const isWhole = text.includes('import ')
  let program = isWhole ? text : `${BEGINNING}\n${text}\nawait nc.close()\n`
  if (text === BEGINNING) program += '\nnc.publish("used", "", { headers: headers() })\nawait nc.close()\n'
  // A busy machine takes its time.
  program = program.replaceAll("4222' }", "4222', timeout: 15_000 }")
  return runProgram(replaced(program, await SERVERS[mark]()))
}

test('all blocks are programs', () => {
  expect(blocks.length).toBeGreaterThan(10)
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['sh', 'ts']))
})

for (const block of programs) {
  test(`${block.heading}, line ${block.line}`, async () => {
    const said = await run(block)
    for (const text of promised(block.text)) expect(said).toContain(text)
  })
}
