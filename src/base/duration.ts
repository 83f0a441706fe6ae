// Time spans as configuration files write them, in Go's form: `1h30m`, `250ms`, `1.5s`. Inside the server they are
// milliseconds.

const NANOSECONDS = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])
const INT64_MAX = 2n ** 63n - 1n
/** Digits that still matter, before and behind the point. */
const DIGITS_MAX = 20

/** Milliseconds, or why the text is no time span. */
export type DurationResult = { readonly ms: number } | { readonly wrong: string }

/** Reads a time span; `wrong` has the words of nats-server. */
export function parseDuration(text: string): DurationResult {
  const quoted = JSON.stringify(text)
  const invalid = { wrong: `time: invalid duration ${quoted}` }
  let rest = text.replace(/^[-+]/, '')
  if (rest === '0') return { ms: 0 }
  if (rest === '') return invalid
  let total = 0n
  while (rest !== '') {
    const [amount, whole, , fraction = ''] = /^([0-9]*)(\.([0-9]*))?/.exec(rest) as RegExpExecArray
    if (whole === '' && fraction === '') return invalid
    rest = rest.slice(amount.length)
    const unit = /^[^.0-9]*/.exec(rest)?.[0] ?? ''
    if (unit === '') return { wrong: `time: missing unit in duration ${quoted}` }
    const nanoseconds = NANOSECONDS.get(unit)
    if (nanoseconds === undefined) return { wrong: `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}` }
    rest = rest.slice(unit.length)
    const digits = whole.replace(/^0+/, '')
    if (digits.length > DIGITS_MAX) return invalid
    const decimals = fraction.slice(0, DIGITS_MAX)
    total += BigInt(digits) * nanoseconds
    total += (BigInt(decimals) * nanoseconds) / 10n ** BigInt(decimals.length)
    if (total > INT64_MAX) return invalid
  }
  const ms = Number(total / 1_000_000n) + Number(total % 1_000_000n) / 1e6
  return { ms: text.startsWith('-') ? -ms : ms }
}

/** Milliseconds in Go's form: `2m0s`, `1.5s`, `250ms`. */
export function durationText(ms: number): string {
  if (ms < 0) return `-${durationText(-ms)}`
  if (ms === 0) return '0s'
  if (ms < 0.001) return `${Math.round(ms * 1e6)}ns`
  if (ms < 1) return `${trimmed(ms * 1e3)}µs`
  if (ms < 1000) return `${trimmed(ms)}ms`
  const seconds = trimmed((ms % 60_000) / 1000)
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${seconds}s`
  if (minutes < 60) return `${minutes}m${seconds}s`
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`
}

/** Nine decimals at most, as a nanosecond has them, without zeros at the end. */
function trimmed(value: number): string {
  return String(Number(value.toFixed(9)))
}
