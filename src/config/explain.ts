// The output of --explain-config: each setting with its value, in the form of the configuration file, and the origin of
// the value. Of blocks that may hold secrets only the presence is shown.

import { durationText } from '../base/duration.ts'
import type { Options } from '../options/options.ts'
import { sizeText } from './blocks/sizes.ts'
import type { Normalised } from './normalise.ts'
import type { Setting } from './table/settings.ts'
import { nameOf, SETTINGS } from './table/table.ts'

/** A line a setting. */
export function explain({ options, origins, notices }: Normalised): string {
  const rows = SETTINGS.flatMap((setting) => {
    const { option } = setting
    return option === undefined ? [] : [[nameOf(setting), shown(setting, options), origins.get(option) ?? '']]
  })
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)))
  const lines = rows.map(([name, value, origin]) => `${name.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${origin}`)
  const { configFile, configDigest } = options
  const file = configFile === '' ? '# no configuration file' : `# ${configFile} (${configDigest})`
  return [file, ...lines, ...notices.map((notice) => `# ${notice}`)].map((line) => `${line}\n`).join('')
}

function shown({ option, kind, secret, defaultText, default: defaultValue }: Setting, options: Options): string {
  const value = option === undefined ? undefined : options[option]
  if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) return 'none'
  if (value === defaultValue && value === '') return defaultText === undefined ? 'none' : `(${defaultText})`
  if (typeof value === 'number')
    return kind === 'duration' ? durationText(value) : kind === 'size' ? sizeText(value) : String(value)
  if (typeof value === 'boolean') return String(value)
  if (secret === true || (kind === 'block' && option !== 'serverMetadata')) return '(set)'
  if (typeof value === 'string') return /^[\w.:/$+-]+$/.test(value) ? value : JSON.stringify(withoutSecret(value))
  if (option === 'operators') return '(set)'
  return JSON.stringify(value)
}

/** An address may have a password in it. */
function withoutSecret(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//[REDACTED]@')
}
