// Servers that are linked with each other, each from a configuration of its own: nats-servers and Heddles.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { peers } from '../support/peers.ts'
import { type ServerProgram, startCommand, startNatsServer } from '../support/server.ts'
import { PASSWORD } from '../support/system-users.ts'

/** A kind of server that may stand at an end of a link. */
export interface Kind {
  readonly name: string
  readonly start: (args: readonly string[]) => Promise<ServerProgram>
}

export const NATS_SERVER: Kind = {
  name: 'nats-server',
  start: (args) => startNatsServer(peers.natsServer ?? '', args),
}

export const heddle = (workers: number): Kind => ({
  name: `heddle, ${workers} shards`,
  start: (args) => startCommand(['--workers', `${workers}`, ...args]),
})

/** Starts a server of this name with this configuration, in a file of `folder`, for the test that calls this. */
export async function start(kind: Kind, folder: string, name: string, config: string): Promise<ServerProgram> {
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, `server_name: ${name}\n${config}\n`)
  const program = await kind.start(['-c', file])
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  return program
}

/** The port for leaf nodes of a server, which says it when it starts. */
export async function leafPortOf(program: ServerProgram): Promise<number> {
  return Number((await program.until(/Listening for leafnode connections on \S*:(\d+)/))[1])
}

/** Accounts with a user each, of the same name in small letters, among them SYS, the account of the system. */
export function accounts(...names: readonly string[]): string {
  const user = (name: string): string => `{user: ${name.toLowerCase()}, password: ${PASSWORD}}`
  return `accounts { ${names.map((name) => `${name} { users: [ ${user(name)} ] }`).join(', ')} }\nsystem_account: SYS`
}
