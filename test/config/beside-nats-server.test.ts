// Configuration files, one for each feature and one for each mistake, told by Heddle and by nats-server with -t: the
// verdict, the exit code and the text agree.

import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { AGREED } from './agreed.ts'
import { checkFile, ENVIRONMENT, FILES, filesIn } from './support.ts'

function askNatsServer(path: string): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const program = peers.natsServer as string
    const options = { cwd: FILES, env: { ...process.env, ...ENVIRONMENT }, timeout: 10_000 }
    execFile(program, ['-t', '-c', path], options, (error, _, stderr) => {
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
})
