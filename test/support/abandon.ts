// A program that starts a server as a test does, says its process id, and waits to be killed.

import { startCommand } from './server.ts'

const { child } = await startCommand()
process.stdout.write(`serving as ${child.pid}\n`)
setInterval(() => undefined, 60_000)
