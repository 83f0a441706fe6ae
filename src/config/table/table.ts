// All settings, and how to find one.

import type { OptionName } from '../../options/options.ts'
import type { Setting } from './settings.ts'
import { LOGGING_SETTINGS, MONITORING_SETTINGS } from './settings-logging.ts'
import { FEATURE_SETTINGS, SECURITY_SETTINGS } from './settings-security.ts'
import { LIMIT_SETTINGS, SERVER_SETTINGS } from './settings-server.ts'

export const SETTINGS: readonly Setting[] = [
  ...SERVER_SETTINGS,
  ...LIMIT_SETTINGS,
  ...LOGGING_SETTINGS,
  ...MONITORING_SETTINGS,
  ...SECURITY_SETTINGS,
  ...FEATURE_SETTINGS,
]

const byOption = new Map(SETTINGS.flatMap((setting) => (setting.option ? [[setting.option, setting] as const] : [])))
const byKey = new Map(SETTINGS.flatMap((setting) => setting.keys.map((key) => [key, setting] as const)))

export function settingOf(option: OptionName): Setting {
  return byOption.get(option) as Setting
}

/** The setting of a name that may be an option's. */
export function settingOfOption(name: string): (Setting & { readonly option: OptionName }) | undefined {
  return byOption.get(name as OptionName) as (Setting & { readonly option: OptionName }) | undefined
}

export function settingOfKey(key: string): Setting | undefined {
  return byKey.get(key.toLowerCase())
}

/** What a setting is called: its key, or its flag where it has none; `log` of the embedding API has neither. */
export function nameOf({ keys, option, flags }: Setting): string {
  return keys[0] ?? option ?? `--${flags[flags.length - 1]}`
}
