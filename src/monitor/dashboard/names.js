// Texts from strangers, as they can be shown. A client may call itself what it likes: what would turn the line round,
// cannot be seen, or looks like another name is shown as what it is, and nothing is longer than there is room for.

const LENGTH_MAX = 120

/** Control and format characters, all kinds of blanks but the plain one, lone surrogates, and letters without a shape. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]/gu
/** Marks that stand above each other, more than a language needs. */
const PILED = /(\p{M}{3})\p{M}+/gu
/** Letters of those who write from right to left: they are not to move what stands beside them. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const ISOLATE = '\u2068'
const END_ISOLATE = '\u2069'

const code = (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`

/** A name, a subject or any other text of a client's, to be shown. */
export function shown(text, max = LENGTH_MAX) {
  // Long before anything is replaced: what is replaced becomes longer.
  const isLong = text.length > max
  const cut = isLong ? text.slice(0, max) : text
  const seen = cut
    .replace(UNSEEN, code)
    .replace(PILED, '$1')
    .replace(/^ +| +$| {2,}/g, (blanks) => '␣'.repeat(blanks.length))
  const whole = isLong ? `${seen}… (${text.length} characters)` : seen
  return RIGHT_TO_LEFT.test(whole) ? ISOLATE + whole + END_ISOLATE : whole
}

/** What a client is called: its name, or its number. */
export function clientName(name, cid) {
  return name === undefined || name === '' ? `client ${cid}` : shown(name)
}
