// A server with a WebSocket listener as a process of its own. Arguments: its options as JSON. Says where it listens.

import './loading.ts'

const { createServer } = await import('../../src/index.ts')
const server = createServer({ host: '127.0.0.1', port: -1, ...JSON.parse(process.argv[2] ?? '{}') })
await server.ready()
process.stdout.write(`ready ${server.webSocketPort} ${server.port}\n`)
