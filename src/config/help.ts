// The help text of the command, generated from the table of settings and flags.

import { CIPHER_SUITES, CURVES } from './blocks/tls-names.ts'
import { FLAGS, type Flag } from './table/flags.ts'

const FLAGS_WIDTH = 37
const LINE_WIDTH = 100

const SECTIONS: readonly (readonly [title: string, section: Flag['section']])[] = [
  ['Server Options', 'Server'],
  ['Logging Options', 'Logging'],
  ['Monitoring Options', 'Monitoring'],
  ['Authorization Options', 'Security'],
  ['TLS Options', 'TLS'],
  ['JetStream and Cluster Options', 'Features'],
  ['Common Options', 'Common'],
]

function written({ names, argument = '', doc }: Flag): string {
  const dashed = names.map((name) => (name.length > 2 && name !== 'DVV' ? `--${name}` : `-${name}`))
  const indent = dashed[0].startsWith('--') ? 8 : 4
  const left = `${' '.repeat(indent)}${dashed.join(', ')} ${argument}`.padEnd(FLAGS_WIDTH)
  const lines = wrapped(doc, LINE_WIDTH - FLAGS_WIDTH)
  const [first, ...others] = left.trimEnd().length < FLAGS_WIDTH ? lines : ['', ...lines]
  return [`${left}${first}`.trimEnd(), ...others.map((line) => ' '.repeat(FLAGS_WIDTH) + line)].join('\n')
}

function wrapped(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.length - 1
    if (lines[last] === '') lines[last] = word
    else if (lines[last].length + 1 + word.length <= width) lines[last] += ` ${word}`
    else lines.push(word)
  }
  return lines
}

/** What `--help` prints. */
export function usage(): string {
  const parts = SECTIONS.map(([title, section]) => {
    const lines = FLAGS.filter((flag) => flag.section === section).map(written)
    return `${title}:\n${lines.join('\n')}\n`
  })
  return `\nUsage: heddle [options]\n\n${parts.join('\n')}\n`
}

/** What `--help_tls` prints. */
export function tlsUsage(): string {
  const list = (names: Iterable<string>): string => [...names].map((name) => `    ${name}\n`).join('')
  return `
The tls block of the configuration file enables TLS:

    tls {
        cert_file: "server-cert.pem"
        key_file:  "server-key.pem"
        # to accept only clients with a certificate from these authorities:
        ca_file:   "ca.pem"
        verify:    true
    }

docs/configuration.md describes every key of the block. Values of cipher_suites:

${list([...CIPHER_SUITES].filter(([, secure]) => secure).map(([name]) => name))}
With allow_insecure_cipher_suites also:

${list([...CIPHER_SUITES].filter(([, secure]) => !secure).map(([name]) => name))}
Values of curve_preferences:

${list(CURVES)}
`
}
