// Configuration files, one for each feature and one for each mistake, told by Heddle and by nats-server with -t: the
// verdict, the exit code and the text agree.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { AGREED } from './agreed.ts'
import { relatedPairs } from './pairs.ts'
import { checkFile, checkNotices, ENVIRONMENT, FILES, filesIn, surroundingsIn } from './support.ts'

/** Programs of nats-server at a time. */
const ASKED_AT_ONCE = 2

function askNatsServer(path: string, folder = FILES, ...flags: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const program = peers.natsServer as string
    const options = { cwd: folder, env: { ...process.env, ...ENVIRONMENT }, timeout: 60_000 }
    execFile(program, ['-t', '-c', path, ...flags], options, (error, _, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr })
    })
  })
}

describe.skipIf(missing('natsServer', 'configuration files beside nats-server'))('beside nats-server', () => {
  test.each([...filesIn('good'), ...filesIn('bad')])('%s is told the same', async (path) => {
    const theirs = await askNatsServer(path)
    const ours = await checkFile(path)
    const agreed = AGREED.get(path)
    if (agreed === undefined) expect(ours).toEqual(theirs)
    else expect(ours).toEqual({ ...theirs, ...agreed.ours })
  })

  test('every pair of keys that a rule relates is told the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-pairs-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const texts = relatedPairs()
    const different: string[] = []
    const ask = async (from: number): Promise<void> => {
      for (let i = from; i < texts.length; i += ASKED_AT_ONCE) {
        const name = `${i}.conf`
        writeFileSync(join(folder, name), texts[i])
        const theirs = await askNatsServer(name, folder)
        const ours = await checkFile(name, surroundingsIn(folder))
        if (!isDeepStrictEqual(ours, theirs)) different.push(`${texts[i]}\n${theirs.stderr}${ours.stderr}`)
      }
    }
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, (_, i) => ask(i)))
    expect(different).toEqual([])
    expect(texts.length).toBeGreaterThan(300)
  }, 240_000)

  test.each([
    [['-n', 'a b']],
    [['--tls']],
    [['--routes', 'nats://a:1']],
    [['-js']],
    [['--test_reload', 'good/limits.conf']],
    [['--test_reload', 'good/address.conf']],
    [['--test_reload', 'good/nowhere.conf']],
    [['--test_reload', 'bad/no-auth-user-unknown.conf']],
    [['--test_reload', 'good/booleans.conf']],
  ])('flags count with -t: %j', async (flags) => {
    const theirs = await askNatsServer('good/limits.conf', FILES, ...flags)
    expect(await checkFile('good/limits.conf', surroundingsIn(FILES), ...flags)).toEqual(theirs)
  })
})

test('-t tells what has no effect', async () => {
  expect(await checkNotices('good/mqtt.conf')).toEqual(['MQTT (good/mqtt.conf:2): not supported yet, ignored'])
  expect(await checkNotices('good/limits.conf')).toEqual([])
})
