// A layer of settings: what one source says, the configuration file, the flags, or createServer(). Layers are laid
// over each other by the normaliser.

import type { OptionName, Options } from '../options.ts'
import type { Missing } from './settings.ts'
import type { Draft } from './shapes.ts'

/** What was said about authorization by flags: it goes into what the file says. */
export interface Credentials {
  username?: string
  password?: string
  token?: string
}

/** Where a value of createServer() comes from. */
export function apiOrigin(option: string): string {
  return `option ${option}`
}

export class Layer {
  readonly values: Draft<Partial<Options>> = {}
  /** Where a value was said: `FILE:LINE`, `flag -p`, `option port`. */
  readonly origins = new Map<OptionName, string>()
  /** Features that are not there yet, and where they were asked for. */
  readonly missing = new Map<string, { readonly missing: Missing; readonly origin: string }>()
  credentials: Credentials = {}
  credentialsOrigin = ''

  /** Undefined: the default, even where a layer below says otherwise. */
  set<K extends OptionName>(option: K, value: Options[K] | undefined, origin: string): void {
    if (value === undefined) delete this.values[option]
    else this.values[option] = value
    this.origins.set(option, origin)
  }

  lacks(missing: Missing, origin: string): void {
    if (!this.missing.has(missing.feature)) this.missing.set(missing.feature, { missing, origin })
  }
}
