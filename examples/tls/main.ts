// TLS with client certificates: the certificate is the user's identity, and there are no passwords.
//
//     src/node.sh examples/tls/main.ts

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer } from 'heddle'
import { connect, PermissionViolationError } from 'heddle/client'

const folder = mkdtempSync(join(tmpdir(), 'heddle-tls-'))
execFileSync('sh', [fileURLToPath(new URL('certificates.sh', import.meta.url)), folder], { stdio: 'pipe' })
const [caFile, certFile, keyFile] = ['ca.pem', 'server.pem', 'server-key.pem'].map((name) => join(folder, name))
const alice = { caFile, certFile: join(folder, 'alice.pem'), keyFile: join(folder, 'alice-key.pem') }

const server = createServer({
  port: 0,
  tls: { caFile, certFile, keyFile, verifyAndMap: true },
  // The user is the certificate's e-mail address, DNS name, or subject such as "CN=alice".
  authorization: { users: [{ user: 'alice@shop.example', permissions: { publish: 'orders.>' } }] },
})
await server.ready()
const servers = `tls://localhost:${server.port}`

const nc = await connect({ servers, tls: alice })
nc.publish('orders.new', 'one lamp')
await nc.flush()
console.log('alice published to orders.new')

const statuses = nc.status()
nc.publish('admin.restart')
for await (const status of statuses) {
  if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
  console.log(`alice may not publish to ${status.error.subject}`)
  break
}
await nc.close()

try {
  await connect({ servers, tls: { caFile } })
} catch {
  console.log('a client without a certificate is refused')
}

try {
  await connect({ servers, tls: {} })
} catch (error) {
  console.log(`a client that does not know the authority leaves: ${(error as Error).message}`)
}

await server.close()
rmSync(folder, { recursive: true })
