// A layer of settings from one source: the configuration file, the flags, or createServer(). The normaliser merges
// layers.

import type { OptionName, Options } from '../options/options.ts'
import type { Draft } from '../options/shapes.ts'
import type { ConfigEntry } from './language/tree.ts'

/** What was said about authorization by flags: it goes into what the file says. */
export interface Credentials {
  username?: string
  password?: string
  token?: string
}

/** Contents of blocks that are only checked so far, for the rules between settings. */
export interface LaterBlocks {
  readonly cluster?: Checked
  readonly gateway?: Checked
  readonly leaf?: Checked
  readonly mqtt?: Checked
  readonly jetstream?: Checked
  /** `default_js_domain`: a domain for each account. */
  readonly domains?: ReadonlyMap<string, string>
}

/** What is read only to be checked. */
export type Checked = Record<string, unknown>

/** What layers say of later blocks, the last on top, key by key. */
export function laterOf(layers: readonly Layer[]): LaterBlocks {
  const all: Draft<LaterBlocks> = {}
  for (const { later } of layers) {
    for (const name of ['cluster', 'gateway', 'leaf', 'mqtt', 'jetstream'] as const) {
      if (later[name] !== undefined) all[name] = { ...all[name], ...later[name] }
    }
    if (later.domains !== undefined) all.domains = later.domains
  }
  return all
}

export class Layer {
  readonly values: Draft<Partial<Options>> = {}
  /** Where a value was said: `FILE:LINE`, `flag -p`, `option port`. */
  readonly origins = new Map<OptionName, string>()
  /** Features beyond the settings, and where they were asked for. */
  readonly features = new Map<string, string>()
  /** What the configuration file says of an option, with the places of all that is in it. */
  readonly entries = new Map<OptionName, ConfigEntry>()
  later: Draft<LaterBlocks> = {}
  credentials: Credentials = {}
  credentialsOrigin = ''

  /** Undefined: the default, even where a layer below says otherwise. */
  set<K extends OptionName>(option: K, value: Options[K] | undefined, origin: string): void {
    if (value === undefined) delete this.values[option]
    else this.values[option] = value
    this.origins.set(option, origin)
  }

  asksFor(feature: string, origin: string): void {
    if (!this.features.has(feature)) this.features.set(feature, origin)
  }
}
