// The server as a program whose options stand in a JSON file: `serve.ts FILE`. The file is read again for each reload.

import { readFileSync } from 'node:fs'
import type { Options } from '../../src/options/options.ts'
import './loading.ts'

const [{ normaliseOptions }, { run }] = await Promise.all([
  import('../../src/config/normalise.ts'),
  import('../../src/process/run.ts'),
])

const [, , file] = process.argv

async function read(): Promise<Options> {
  return normaliseOptions(JSON.parse(readFileSync(file, 'utf8')))
}

await run(await read(), [], read).catch((error: unknown) => {
  process.stderr.write(`nats-server: ${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
})
