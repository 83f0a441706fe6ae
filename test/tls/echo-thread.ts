// A worker thread that upgrades the connections transferred to it, as a shard does.

import type { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type { TlsSettings } from '../../src/tls/tls-settings.ts'
import { Echo } from './listener.ts'

const echo = new Echo(workerData as TlsSettings, undefined, (outcome) => parentPort?.postMessage(outcome.kind))

parentPort?.on('message', (message: { readonly socket: Socket } | { readonly settings: TlsSettings }) => {
  if ('socket' in message) echo.accept(message.socket)
  else echo.upgrader.reload(message.settings)
})
