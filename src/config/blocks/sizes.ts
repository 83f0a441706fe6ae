// Sizes as configuration files write them: an integer with a suffix, `64k` (thousands) or `64kb`, `64KiB` (1024s).

const LETTERS = 'kmgtpe'
const FACTORS = new Map<string, bigint>([['', 1n]])
for (const [i, letter] of [...LETTERS].entries()) {
  FACTORS.set(letter, 1000n ** BigInt(i + 1))
  for (const suffix of ['b', 'i', 'ib']) FACTORS.set(letter + suffix, 1024n ** BigInt(i + 1))
}

/** Whether a character may begin a suffix. */
export function beginsSuffix(rune: number): boolean {
  return rune < 0x80 && LETTERS.includes(String.fromCharCode(rune).toLowerCase())
}

/** Whether a character may follow the first one of a suffix. */
export function continuesSuffix(rune: number): boolean {
  return rune === 0x62 || rune === 0x42 || rune === 0x69 || rune === 0x49
}

/** What a suffix multiplies by; undefined for one that means nothing, such as `kbb`. */
export function suffixFactor(suffix: string): bigint | undefined {
  return FACTORS.get(suffix.toLowerCase())
}

/** Bytes in short form, `64MB`, where that is exact. */
export function sizeText(bytes: number): string {
  for (const [power, unit] of [
    [30, 'GB'],
    [20, 'MB'],
    [10, 'KB'],
  ] as const) {
    if (bytes >= 2 ** power && bytes % 2 ** power === 0) return `${bytes / 2 ** power}${unit}`
  }
  return String(bytes)
}
