// Certificates that a configuration names, with real ones: openssl makes them, and both servers look at them.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { peers } from '../../support/peers.ts'
import { checkFile, surroundingsIn } from '../support.ts'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenssl) process.stderr.write('skipped: certificates in configurations, because there is no openssl\n')

describe.skipIf(!hasOpenssl)('certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  if (hasOpenssl) {
    for (const name of ['one', 'two']) {
      const files = ['-keyout', `${name}-key.pem`, '-out', `${name}.pem`]
      const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
      execFileSync('openssl', [...args, '-subj', `/CN=${name}`, ...files], { cwd: folder, stdio: 'ignore' })
    }
    writeFileSync(join(folder, 'text.pem'), 'no certificate\n')
  }

  test.each([
    ['cert_file: one.pem, key_file: one-key.pem', 0],
    ['cert_file: one.pem, key_file: one-key.pem, ca_file: two.pem, verify: true', 0],
    ['certs: [ {cert_file: one.pem, key_file: one-key.pem}, {cert_file: two.pem, key_file: two-key.pem} ]', 0],
    ['cert_file: one.pem, key_file: two-key.pem', 1],
    ['cert_file: one.pem, key_file: one.pem', 1],
    ['cert_file: one-key.pem, key_file: one-key.pem', 1],
    ['cert_file: text.pem, key_file: one-key.pem', 1],
    ['cert_file: nowhere.pem, key_file: one-key.pem', 1],
    ['ca_file: text.pem', 1],
    ['ca_file: one-key.pem', 1],
    ['certs: [ {cert_file: one.pem, key_file: one-key.pem}, {cert_file: two.pem, key_file: one-key.pem} ]', 1],
  ])('tls { %s }', async (text, code) => {
    writeFileSync(join(folder, 'x.conf'), `tls { ${text} }\n`)
    const ours = await checkFile('x.conf', surroundingsIn(folder))
    expect(ours.code).toBe(code)
    if (peers.natsServer === undefined) return
    const theirs = spawnSync(peers.natsServer, ['-t', '-c', 'x.conf'], { cwd: folder, encoding: 'utf8' })
    expect(theirs.status).toBe(code)
    // Where the file is no PEM of its kind, theirs goes on about what it is instead.
    expect(theirs.stderr.startsWith(ours.stderr.trimEnd())).toBe(true)
  })
})
