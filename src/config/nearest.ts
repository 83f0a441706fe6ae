// Finds the known name closest to a mistyped one.

/** Longer names are not compared: a typing error of a letter or two is unlikely to be meant. */
const NAME_CHARS_MAX = 64

/**
 * The name out of `known` that is most like `name`, letter case and underscores aside; undefined if none is like it.
 * A third of the letters may differ, but two at least.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > NAME_CHARS_MAX) return undefined
  const wanted = plain(name)
  let best: string | undefined
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const letters = plain(candidate)
    if (Math.abs(letters.length - wanted.length) >= least) continue
    const distance = editDistance(wanted, letters)
    // Of a name without a letter in common, nothing is left to be like.
    if (distance < least && distance < Math.max(wanted.length, letters.length)) {
      best = candidate
      least = distance
    }
  }
  return best
}

/** The end of a complaint about an unknown name: `; did you mean "users"?`, or nothing. */
export function suggestion(name: string, known: Iterable<string>): string {
  const best = nearest(name, known)
  return best === undefined ? '' : `; did you mean "${best}"?`
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

/** Letters to insert, remove, change, or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2] + 1 : changed
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, changed, swapped))
    }
    before = above
    above = row
  }
  return above[b.length]
}
