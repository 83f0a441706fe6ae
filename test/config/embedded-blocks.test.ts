// The types of blocks (src/options/blocks.ts) beside the keys of the configuration file: a program can say all that the
// file can, by the same names in camelCase, and each member has a description with its default.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ACCOUNT } from '../../src/config/blocks/accounts.ts'
import { AUTHORIZATION } from '../../src/config/blocks/authorization.ts'
import { CLUSTER } from '../../src/config/blocks/cluster-keys.ts'
import { HTTP_GATEWAY } from '../../src/config/blocks/http-gateway.ts'
import { PROXIES, RESOLVER } from '../../src/config/blocks/identity.ts'
import { ACCOUNT_JETSTREAM, JETSTREAM } from '../../src/config/blocks/jetstream-keys.ts'
import { OCSP, OCSP_CACHE } from '../../src/config/blocks/ocsp.ts'
import { inProgram, type Schema } from '../../src/config/blocks/schema.ts'
import { TLS } from '../../src/config/blocks/tls-keys.ts'
import { WEBSOCKET } from '../../src/config/blocks/websocket.ts'
import { blockReader } from '../../src/config/file.ts'
import { normaliseEmbedded } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { SETTINGS } from '../../src/config/table/table.ts'

/** Members of an interface with their descriptions, by the way the formatter writes them. */
function membersOf(source: string, name: string): Map<string, string> {
  const [, body] = new RegExp(`\\ninterface ${name} (?:extends \\w+ )?\\{\\n(.*?)\\n\\}\\n`, 's').exec(
    source.replaceAll('\nexport interface', '\ninterface'),
  ) ?? [undefined, '']
  const members = [...body.matchAll(/(?:^|\n) {2}(?:\/\*\*((?:(?!\*\/).)*)\*\/\n {2})?(?:readonly )?(\w+)\??: /gs)]
  return new Map(members.map(([, doc = '', member]) => [member, doc.replaceAll(/\s*\n\s*\*/g, ' ').trim()]))
}

const source = (name: string): string => readFileSync(new URL(`../../src/options/${name}`, import.meta.url), 'utf8')

const ofStreams = (key: string): string => `jetstream.${key}`

/** Keys that a program has no use for. */
const NOT_OFFERED = new Set([
  'tls.cert_store',
  'tls.cert_match_by',
  'tls.cert_match',
  'tls.ca_certs_match',
  'tls.cert_match_skip_invalid',
  'ocsp.urls',
  // Of clusters, and of Windows.
  ...['unique_tag', 'extension_hint', 'tpm', 'max_outstanding_catchup', 'meta_compact', 'meta_compact_size'].map(
    ofStreams,
  ),
  ...['meta_compact_sync', 'max_concurrent_io', 'limits.max_ha_assets'].map(ofStreams),
  'accounts.NAME.jetstream.traffic',
  'accounts.NAME.jetstream.cluster_traffic',
])

const inner = (schema: Schema<never>, key: string): Schema<never> =>
  schema.keys.find(({ names }) => names.includes(key))?.block as Schema<never>
const account = ACCOUNT as unknown as Schema<never>
const authorization = AUTHORIZATION as unknown as Schema<never>
const permissions = inner(authorization, 'default_permissions')

const PAIRS: readonly (readonly [name: string, schema: Schema<never>])[] = [
  ['AuthorizationBlock', authorization],
  ['AuthCalloutBlock', inner(authorization, 'auth_callout')],
  ['UserBlock', inner(authorization, 'users')],
  ['PermissionsBlock', permissions],
  ['SubjectRulesBlock', inner(permissions, 'publish')],
  ['ResponsesBlock', inner(permissions, 'allow_responses')],
  ['AccountBlock', account],
  ['ExportBlock', inner(account, 'exports')],
  ['ImportBlock', inner(account, 'imports')],
  ['MappingDestinationBlock', inner(account, 'mappings')],
  ['AccountLimitsBlock', inner(account, 'limits')],
  ['MessageTraceBlock', inner(account, 'msg_trace')],
  ['TlsBlock', TLS as unknown as Schema<never>],
  ['OcspPeerBlock', inner(TLS as unknown as Schema<never>, 'ocsp_peer')],
  ['OcspBlock', OCSP as unknown as Schema<never>],
  ['OcspCacheBlock', OCSP_CACHE as unknown as Schema<never>],
  ['HttpGatewayBlock', HTTP_GATEWAY as unknown as Schema<never>],
  ['ClusterBlock', CLUSTER as unknown as Schema<never>],
  ['WebSocketBlock', WEBSOCKET as unknown as Schema<never>],
  ['JetStreamBlock', JETSTREAM as unknown as Schema<never>],
  ['JetStreamLimitsBlock', inner(JETSTREAM as unknown as Schema<never>, 'limits')],
  ['BatchLimitsBlock', inner(inner(JETSTREAM as unknown as Schema<never>, 'limits'), 'batch')],
  ['AccountJetStreamBlock', ACCOUNT_JETSTREAM as unknown as Schema<never>],
  ['ResolverBlock', RESOLVER as unknown as Schema<never>],
  ['ProxiesBlock', PROXIES as unknown as Schema<never>],
]

describe.each(PAIRS)('%s', (name, { title, keys }) => {
  const members = membersOf(source('blocks.ts'), name)

  test('has a member for each key, and a key for each member', () => {
    const offered = keys.filter(({ names }) => !NOT_OFFERED.has(`${title}.${names[0]}`))
    for (const { names } of offered) {
      expect(
        names.map(inProgram).filter((each) => members.has(each)),
        `${title}.${names[0]}`,
      ).toHaveLength(1)
    }
    expect(members.size).toBe(offered.length)
  })

  test('tells the default of each member, or that it is required', () => {
    for (const [member, doc] of members) expect(doc, member).toMatch(/\bDefault: |\bRequired|\brequired\b/)
  })
})

test('each option of createServer() has a description with its default', () => {
  const [simple, blocks] = ['Options', 'Blocks'].map((name) => membersOf(source('options.ts'), name))
  for (const { option } of SETTINGS) {
    if (option === undefined) continue
    expect(blocks.get(option) ?? simple.get(option), option).toMatch(/\bDefault\b|\(default\b/)
  }
})

test('times in blocks are milliseconds, as all times of options are', () => {
  const { options } = normaliseEmbedded(
    {
      authorization: {
        timeout: 1500,
        users: [{ user: 'a', password: 'b', permissions: { allowResponses: { expires: 250 } } }],
      },
      accounts: { A: { exports: [{ service: 's', threshold: 700 }] } },
      websocket: { port: 0, noTls: true, handshakeTimeout: 300, pingInterval: 400, authorization: { timeout: 500 } },
      httpGateway: { port: 0, noTls: true, requestTimeout: 600, heartbeat: 700 },
      ocspCache: { saveInterval: 2000 },
    },
    blockReader(readFile),
  )
  expect(options).toMatchObject({
    authorization: { timeout: 1500, users: [{ permissions: { responses: { expires: 250 } } }] },
    accounts: [{ exports: [{ threshold: 700 }] }],
    websocket: { host: '127.0.0.1', port: -1, handshakeTimeout: 300, pingInterval: 400, authTimeout: 500 },
    httpGateway: { port: -1, requestTimeout: 600, heartbeat: 700 },
    ocspCache: { saveInterval: 2000 },
  })
})
