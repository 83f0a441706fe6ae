// Users from a source of the program's own: a function decides who may log in, and what each user may do.
//
//     src/node.sh examples/authentication/main.ts

import { randomBytes, scrypt as scryptWithCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { type AuthenticateAnswer, type AuthenticateRequest, createServer } from 'heddle'
import { AuthorizationError, connect, type NatsConnection } from 'heddle/client'

const scrypt = promisify<string, Buffer, number, Buffer>(scryptWithCallback)

interface Account {
  readonly salt: Buffer
  readonly hash: Buffer
  readonly tenant: string
}

/** Stands for a database. */
const users = new Map<string, Account>()
async function addUser(name: string, password: string, tenant: string): Promise<void> {
  const salt = randomBytes(16)
  users.set(name, { salt, hash: await scrypt(password, salt, 32), tenant })
}
await addUser('ann', 'lamps', 'north')
await addUser('bob', 'chairs', 'south')

/** Called once for each login. Whatever it throws refuses the client. */
async function authenticate({ user, password }: AuthenticateRequest): Promise<AuthenticateAnswer | undefined> {
  const known = users.get(user ?? '')
  if (known === undefined || password === undefined) return undefined
  if (!timingSafeEqual(await scrypt(password, known.salt, 32), known.hash)) return undefined
  const own = { allow: [`${known.tenant}.>`, '_INBOX.>'] }
  return {
    user: user ?? '',
    permissions: { publish: own, subscribe: own },
    expiresAtMs: Date.now() + 3_600_000, // then it has to log in again
  }
}

const server = createServer({
  port: 0,
  authenticate,
  onConnect: ({ user, ip }) => console.log(`${user} has logged in from ${ip}`),
})
await server.ready()
const login = (user: string, pass: string): Promise<NatsConnection> => connect({ servers: server.url, user, pass })

const ann = await login('ann', 'lamps')
const statuses = ann.status()
ann.publish('north.orders', 'for the own tenant')
ann.publish('south.orders', 'for another tenant')
for await (const status of statuses) {
  if (status.type !== 'error') continue
  console.log(`ann: ${status.error.message}`)
  break
}

try {
  await login('bob', 'guessed')
} catch (error) {
  if (!(error instanceof AuthorizationError)) throw error
  console.log(`bob: ${error.message}`)
}

await ann.close()
await server.close()
