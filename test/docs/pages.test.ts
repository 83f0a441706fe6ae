// docs/tuning.md, docs/clusters.md, docs/system.md, docs/websocket.md, docs/configuration.md: each configuration starts a server, each
// command does there what the page promises, each program prints what it says.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { codeBlocks, promised, replaced, runProgram, temporaryFolder } from '../support/code-blocks.ts'
import { HEDDLES } from '../support/configured-servers.ts'
import { missing } from '../support/peers.ts'
import { ROOT } from '../support/server.ts'
import { ShellSession } from '../support/shell-session.ts'

/** What a configuration takes from outside, in a folder in place of those that pages name. */
function surroundings(): { readonly folder: string; readonly place: (text: string) => string } {
  const folder = temporaryFolder()
  const places = { '/etc/heddle': folder, '/var/lib/heddle': join(folder, 'data') }
  const place = (text: string): string =>
    replaced(text, places)
      .replace(/\b(port|listen): ("[\d.]+:)?\d+/g, (_, key, host) => (host ? `${key}: "127.0.0.1:-1` : `${key}: -1`))
      .replaceAll(/\b10\.0\.0\.\d+/g, '127.0.0.1')
  return { folder, place }
}

for (const page of ['docs/tuning.md', 'docs/clusters.md', 'docs/system.md', 'docs/configuration.md']) {
  for (const { text, line } of codeBlocks(page).filter(({ language }) => language === 'conf')) {
    test(`the configuration in ${page}, line ${line}`, async () => {
      const { folder, place } = surroundings()
      if (text.includes('cert_file')) execFileSync('sh', ['examples/tls/certificates.sh', folder], { cwd: ROOT })
      writeFileSync(join(folder, 'users.conf'), '')
      const file = join(folder, 'server.conf')
      writeFileSync(file, place(text))
      process.env['NATS_SECRET'] = 's3cret'
      const program = await HEDDLES[0].start(['-c', file])
      onTestFinished(async () => void (await program.stop()))
      // The other servers are not there.
      const log = program.stderr.replaceAll(/.*Error trying to connect .*\n/g, '')
      expect(log).not.toMatch(/\[(ERR|FTL)\]/)
    })
  }
}

for (const page of ['docs/tuning.md', 'docs/system.md']) {
  test.skipIf(missing('nats', `commands of ${page}`))(`the commands of ${page}`, async () => {
    const { folder } = surroundings()
    for (const { text } of codeBlocks(page).filter(({ language }) => language === 'conf')) {
      if (page === 'docs/system.md') writeFileSync(join(folder, 'system.conf'), text)
    }
    const session = new ShellSession()
    const blocks = codeBlocks(page).filter(({ language }) => language === 'sh')
    expect(blocks.length).toBeGreaterThan(0)
    for (const { text } of blocks) await session.run(replaced(text, { 'system.conf': join(folder, 'system.conf') }))
    await session.end()
  })
}

test.each(codeBlocks('docs/websocket.md').filter(({ language }) => language === 'ts'))(
  'the program in docs/websocket.md, line $line',
  async ({ text }) => {
    const program = replaced(text, {
      'port: 9222': "host: '127.0.0.1', port: -1",
      ':9222': `:\${server.webSocketPort}`,
    })
    const printed = await runProgram(program.replace(/'(ws:[^']*)'/, '`$1`'))
    expect(promised(text).length).toBeGreaterThan(0)
    for (const said of promised(text)) expect(printed).toContain(said)
  },
)
