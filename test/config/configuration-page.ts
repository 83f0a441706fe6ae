// docs/configuration.md, made from the table of settings and the schemas of the blocks. `npm run docs:config` writes
// it; a test compares.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { durationText } from '../../src/base/duration.ts'
import { ACCOUNT } from '../../src/config/blocks/accounts.ts'
import { AUTHORIZATION } from '../../src/config/blocks/authorization.ts'
import { CLUSTER, GATEWAY } from '../../src/config/blocks/cluster-keys.ts'
import { HTTP_GATEWAY } from '../../src/config/blocks/http-gateway.ts'
import { PROXIES, RESOLVER } from '../../src/config/blocks/identity.ts'
import { JETSTREAM } from '../../src/config/blocks/jetstream-keys.ts'
import { LEAFNODES } from '../../src/config/blocks/leafnode-keys.ts'
import { MQTT } from '../../src/config/blocks/mqtt-keys.ts'
import { OCSP, OCSP_CACHE } from '../../src/config/blocks/ocsp.ts'
import type { Schema } from '../../src/config/blocks/schema.ts'
import { sizeText } from '../../src/config/blocks/sizes.ts'
import { TLS } from '../../src/config/blocks/tls-keys.ts'
import { WEBSOCKET } from '../../src/config/blocks/websocket.ts'
import { EXTRA_FLAGS } from '../../src/config/table/flags.ts'
import type { Area, Setting } from '../../src/config/table/settings.ts'
import { SETTINGS } from '../../src/config/table/table.ts'
import { UNSUPPORTED } from '../../src/config/table/unsupported.ts'

export const PAGE = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url))

const AREAS: readonly (readonly [area: Area, title: string])[] = [
  ['Server', 'The server'],
  ['Limits', 'Limits'],
  ['Logging', 'Logging'],
  ['Monitoring', 'Monitoring'],
  ['Security', 'Authentication and permissions'],
  ['Features', 'JetStream, clusters, MQTT'],
]

const BLOCKS = [
  AUTHORIZATION,
  ACCOUNT,
  TLS,
  WEBSOCKET,
  HTTP_GATEWAY,
  RESOLVER,
  PROXIES,
  OCSP,
  OCSP_CACHE,
  CLUSTER,
  GATEWAY,
  LEAFNODES,
  MQTT,
  JETSTREAM,
] as unknown as readonly Schema<never>[]

const UNITS: Partial<Record<Setting['kind'], string>> = { size: 'bytes', duration: 'time span' }

const INTRODUCTION = `<!-- Made by \`npm run docs:config\` from the table of settings in src/config. Do not edit. -->

# Configuration

Heddle accepts the flags and the configuration file of nats-server. Flags take precedence over the file.
\`heddle -t -c FILE\` checks a file and exits. \`heddle --explain-config -c FILE\` prints the settings that differ from
the defaults, each with its value and its origin; \`--all\` prints the others as well.
\`createServer()\` takes the same options in camelCase, with times in milliseconds: [embedding.md](embedding.md).

## The file

\`\`\`conf
# a comment; // begins one too
port: 4222                     # key: value, key = value, or key value
max_payload: 2MB               # k, m, g, t: powers of 1000; kb, kib, mb, …: powers of 1024
ping_interval: "1m30s"         # time spans are strings: h, m, s, ms, us, ns
server_tags: [ "eu", "blue" ]

include ./users.conf           # relative to this file

SECRET = $NATS_SECRET          # $NAME: a key of an enclosing block, or an environment variable
authorization { token: $SECRET }
\`\`\`

Line ends, \`;\` or \`,\` separate entries. Keys may be quoted and are not case-sensitive; the last of two equal keys
counts. Strings are quoted with \`'\` (raw) or \`"\` (with \`\\t \\n \\r \\" \\\\ \\xHH\`), bare, or in parentheses over
several lines, the closing one alone on its line. A whole file may be JSON. An unknown key is an error, unless a \`$NAME\`
refers to it. In a list, a space or comma must follow a number: \`[ 1, 2 ]\`.

A *reload* (SIGHUP, or \`--signal reload\`) applies changes of settings with "yes" in that column to the running server. If
any other setting has changed, the whole reload is refused. *Not yet*: the key is read and checked, and a warning at
start says that it has no effect. *Not yet, refused*: the server does not start with this key, because it lacks the
feature; \`--ignore-unsupported\` starts it without the feature.
`

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')
}

function names(list: readonly string[]): string {
  return list.map((name) => `\`${name}\``).join(', ')
}

function flagNames(flags: readonly string[]): string {
  return names(flags.map((flag) => (flag.length > 2 && flag !== 'DVV' ? `--${flag}` : `-${flag}`)))
}

function defaultOf({ default: value, defaultText, kind, option }: Setting): string {
  if (defaultText !== undefined) return defaultText
  if (option === undefined || value === undefined || value === '') return ''
  if (typeof value === 'number') {
    return kind === 'duration' ? durationText(value) : kind === 'size' ? sizeText(value) : String(value)
  }
  return typeof value === 'object' ? '' : String(value)
}

function effect({ feature = '' }: Setting): string {
  const unsupported = UNSUPPORTED.get(feature)
  return unsupported === undefined ? 'now' : unsupported === 'needed' ? 'not yet, refused' : 'not yet'
}

function settingRow(setting: Setting): string[] {
  const { keys, flags, kind, doc, reload, option, choices } = setting
  const key = keys.length > 0 ? names(keys) : flags.length > 0 ? '' : `option \`${option}\``
  const what = choices === undefined ? (UNITS[kind] ?? kind) : choices.join(', ')
  return [key, flagNames(flags), doc, what, defaultOf(setting), reload ? 'yes' : 'no', effect(setting)]
}

/** A block and those within it, each once. */
function sections(schemas: readonly Schema<never>[], seen = new Set<string>()): string[] {
  return schemas.flatMap((schema) => {
    if (seen.has(schema.title)) return []
    seen.add(schema.title)
    const rows = schema.keys.map(({ names: keys, doc, kind, default: value, block }) => {
      return [names(keys), block === undefined ? doc : `${doc}; see \`${block.title}\``, kind, value]
    })
    const inner = schema.keys.flatMap(({ block }) => block ?? [])
    return [
      `### \`${schema.title}\`\n\n${table(['key', 'meaning', 'value', 'default'], rows)}`,
      ...sections(inner, seen),
    ]
  })
}

/** The page as it should be. */
export function configurationPage(): string {
  const head = ['key', 'flag', 'meaning', 'value', 'default', 'reload', 'in effect']
  const areas = AREAS.map(([area, title]) => {
    const rows = SETTINGS.filter((setting) => setting.area === area).map(settingRow)
    return `## ${title}\n\n${table(head, rows)}`
  })
  const flags = EXTRA_FLAGS.map(({ names: list, argument = '', doc }) => [flagNames(list), argument, doc])
  return `${[
    INTRODUCTION.trimEnd(),
    ...areas,
    `## Other flags\n\n${table(['flag', 'value', 'meaning'], flags)}`,
    [
      '## Blocks\n\nKeys of the blocks above. Those of `gateway` and `mqtt` have no effect yet;',
      '[clusters.md](clusters.md) says which of `cluster` and `leafnodes` have none.',
    ].join('\n'),
    ...sections(BLOCKS),
  ].join('\n\n')}\n`
}

export function committedPage(): string {
  return readFileSync(PAGE, 'utf8')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, configurationPage())
