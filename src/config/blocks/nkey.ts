// Public nkeys in configurations: the first letter is the kind of the key, and a checksum detects typing errors.

import { fromPublic } from '@nats-io/nkeys'
import { type Complaint, kind, type Take } from './schema.ts'
import { such } from './values.ts'

const PREFIXES = { user: 'U', account: 'A', operator: 'O', server: 'N', cluster: 'C', curve: 'X' } as const

export type NkeyKind = keyof typeof PREFIXES

/** Whether a text is the public key of such a one; without a kind, of anyone. */
export function isPublicNkey(text: string, kind?: NkeyKind): boolean {
  if (kind !== undefined && !text.startsWith(PREFIXES[kind])) return false
  try {
    fromPublic(text)
    return true
  } catch {
    return false
  }
}

/** Rows for public keys. */
export function publicKey(whose: NkeyKind | undefined, wrong: Complaint, type?: Take<string>) {
  return kind<string>(
    'nkey',
    such((text) => isPublicNkey(text, whose), wrong, type),
  )
}
