// What a regular expression may cost, by its form: whether the time that it takes grows no faster than the text.

/** Where the class that begins at `at` ends; `at` is its bracket. */
function endOfClass(source: string, at: number): number {
  let end = at + 1
  while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1
  return end
}

interface Form {
  /** Repetitions without an upper bound. */
  readonly unbounded: number
  /** It begins at the start of the text, and nowhere else. */
  readonly isAnchored: boolean
}

function formOf(source: string, flags: string): Form {
  let unbounded = 0
  let alternatives = 1
  let depth = 0
  for (let at = 0; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '[') at = endOfClass(source, at)
    else if (char === '(') depth++
    else if (char === ')') depth--
    else if (char === '|' && depth === 0) alternatives++
    else if (char === '*' || char === '+') unbounded++
    else if (char === '{' && /^\{\d+,\}/.test(source.slice(at, at + 12))) unbounded++
  }
  const startsAtStart = source.startsWith('^') && alternatives === 1 && !flags.includes('m')
  return { unbounded, isAnchored: startsAtStart || flags.includes('y') }
}

/**
 * An expression without unbounded repetitions looks at so many chars from each place, and no more. One that begins at
 * the start of the text only may have one such: it gives back what it took, a char at a time, once. With more, or from
 * every place, the time may grow with the square of the text.
 */
export function isLinearByForm(source: string, flags: string): boolean {
  const { unbounded, isAnchored } = formOf(source, flags)
  return unbounded === 0 || (unbounded === 1 && isAnchored)
}
