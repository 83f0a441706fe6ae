// How servers are set up for a shape where their defaults are not what is measured: the same file for both.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Authority } from '../test/tls/certificates.ts'
import type { Transport } from './generators/tasks.ts'

export interface Setup {
  /** By which way the load comes in. */
  readonly transport: Transport
  /**
   * Text of the configuration file. Other files that it names are written into the folder, among them AUTHORITY_FILE
   * where clients have to trust one. `websocketPort` is free.
   */
  configuration(folder: string, websocketPort: number): string
  /** Its log does not come to the bench: it counts as ready when it takes connections. */
  readonly logsToFile?: true
  /** It serves monitoring pages; undefined: yes. */
  readonly hasPages?: false
}

/** Whom clients of a server with TLS trust; lies in its folder. */
export const AUTHORITY_FILE = 'authority.pem'

export const DEFAULTS: Setup = { transport: 'tcp', configuration: () => '' }

/** As a program with no flags at all is. */
export const WITHOUT_PAGES: Setup = { ...DEFAULTS, hasPages: false }

export const TLS: Setup = {
  transport: 'tls',
  configuration(folder) {
    const authority = new Authority('bench authority')
    const { cert, key } = authority.issue({ subject: 'bench', ips: ['127.0.0.1'] })
    const write = (name: string, text: string): string => {
      const path = join(folder, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    write(AUTHORITY_FILE, authority.cert)
    return `tls { cert_file: "${write('server.pem', cert)}", key_file: "${write('server.key', key)}" }\n`
  },
}

export const WEBSOCKET: Setup = {
  transport: 'websocket',
  configuration: (_, websocketPort) => `websocket { host: "127.0.0.1", port: ${websocketPort}, no_tls: true }\n`,
}

/** Everybody is one user, who may do all that the shapes do, and by whom everything has to be looked up. */
export const PERMISSIONS: Setup = {
  transport: 'tcp',
  configuration: () => `
no_auth_user: bench
authorization {
  users: [{
    user: bench, password: bench
    permissions {
      publish { allow: [ bench, "random.*", "orders.*.new", "_INBOX.>" ], deny: [ "random.secret", "orders.*.*.>" ] }
      subscribe { allow: [ bench, "random.*", "orders.>", "_INBOX.>" ], deny: [ "random.secret", "*.admin.>" ] }
    }
  }]
}
`,
}

/** The accounts of ACCOUNTS; each has one user, whose name and password are the account's. */
export const ACCOUNT_NAMES: readonly string[] = Array.from({ length: 16 }, (_, i) => `tenant${i}`)

export const ACCOUNTS: Setup = {
  transport: 'tcp',
  configuration: () =>
    `accounts {\n${ACCOUNT_NAMES.map((name) => `  ${name} { users: [{ user: ${name}, password: ${name} }] }\n`).join('')}}\n`,
}

/** How often the disk is told to keep what was written; undefined: the default. */
export type SyncInterval = '2m' | 'always' | undefined

/** With streams, which lie in its folder. */
export const jetStream = (sync?: SyncInterval): Setup => ({
  transport: 'tcp',
  configuration: (folder) =>
    `jetstream { store_dir: "${folder}"${sync === undefined ? '' : `, sync_interval: ${sync}`} }\n`,
})
