// A thread that logs as fast as it can.

import { parentPort, workerData } from 'node:worker_threads'
import { Log } from '../../src/log/log.ts'

const { name, options, opened, lines } = workerData
const log = new Log(options, { name, opened, tell: (message) => parentPort?.postMessage(message) })
for (let i = 0; i < lines; i++) log.info(`${name} ${i} ${'x'.repeat(i % 97)}x`)
await log.close()
