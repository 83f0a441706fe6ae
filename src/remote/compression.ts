// Whether a link is compressed, and how: each side decides for what it writes, and both come to the same yes or no
// (docs/reference/server-links.md, "Compression").

import { COMPRESSION_MODES, type CompressionMode, type CompressionOptions } from '../options/cluster.ts'

/** As pages call it: what is written, where a link is compressed. */
export type Level = 's2_uncompressed' | 's2_fast' | 's2_better' | 's2_best'

export type Choice = { readonly mode: CompressionMode } | { readonly refused: string } | undefined

/**
 * What this side does, with its own mode and the one that the other server names (empty: none). Undefined: the link
 * stays as it is.
 */
export function chooseCompression({ mode }: CompressionOptions, theirs: string): Choice {
  if (mode === 'off' || theirs === '' || theirs === 'not supported' || theirs === 'off') return undefined
  if (!COMPRESSION_MODES.some((known) => known === theirs)) {
    return { refused: `unsupported route compression mode ${JSON.stringify(theirs)}` }
  }
  if (mode !== 'accept') return { mode }
  if (theirs === 'accept') return undefined
  return { mode: theirs === 's2_auto' ? 's2_fast' : (theirs as CompressionMode) }
}

const AUTO: readonly Level[] = ['s2_uncompressed', 's2_fast', 's2_better', 's2_best']

/** How output is written by a mode, after a round trip of so many milliseconds; thresholds of 0 are passed over. */
export function levelOf(mode: CompressionMode, thresholds: readonly number[], rttMs: number): Level {
  if (mode !== 's2_auto') return AUTO.find((level) => level === mode) ?? 's2_fast'
  const at = thresholds.findIndex((threshold) => threshold > 0 && rttMs <= threshold)
  return AUTO[at < 0 ? Math.min(thresholds.length, AUTO.length - 1) : at] ?? 's2_best'
}
