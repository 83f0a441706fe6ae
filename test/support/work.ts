// How much work a call is, counted and not timed: how often the blocks of the product's code run, by V8's own counters,
// and how many chars, bytes and items it hands to built-in functions, each by what that function does with them.
// How busy the machine is does not matter. What is not counted: joining texts with +.

import { Session } from 'node:inspector'
import { isLinearByForm } from './patterns.ts'

interface Work {
  /** Steps of all kinds together. */
  readonly steps: number
  /** Regular expressions that may take more than linear time, and were shown more than a few chars. */
  readonly expressions: readonly string[]
}

const FEW = 64

let steps = 0
const expressions = new Set<string>()

type Method = (this: unknown, ...given: unknown[]) => unknown
/** `from`: where an expression began to look. */
type Cost = (self: unknown, given: readonly unknown[], result: unknown, from: number) => number

const lengthOf = (value: unknown): number =>
  typeof value === 'string' || ArrayBuffer.isView(value) || Array.isArray(value)
    ? (value as { length: number }).length
    : 0
const selfLength: Cost = (self) => lengthOf(self)
const resultLength: Cost = (_, __, result) => lengthOf(result)
const both: Cost = (self, _, result) => lengthOf(self) + lengthOf(result)

/** Up to what was found, or to the end. */
const found: Cost = (self, [needle, from], result) => {
  const start = typeof from === 'number' ? from : 0
  const end = typeof result === 'number' && result >= 0 ? result : lengthOf(self)
  return Math.max(0, end - start) + lengthOf(needle)
}

/** What each function costs beside the call itself. Those that only make a view of what is there cost nothing more. */
const COSTS: readonly (readonly [owner: object, names: readonly string[], cost: Cost])[] = [
  [String.prototype, ['indexOf'], found],
  [
    String.prototype,
    ['lastIndexOf', 'includes', 'split', 'trim', 'trimStart', 'trimEnd', 'search', 'match'],
    selfLength,
  ],
  [String.prototype, ['replace', 'replaceAll', 'toLowerCase', 'toUpperCase', 'normalize'], both],
  [String.prototype, ['padStart', 'padEnd', 'repeat'], resultLength],
  [Array.prototype, ['indexOf'], found],
  [Array.prototype, ['lastIndexOf', 'includes', 'shift', 'unshift', 'splice', 'sort', 'reverse'], selfLength],
  [Array.prototype, ['slice', 'concat', 'toSorted', 'flat'], resultLength],
  [Array.prototype, ['join'], both],
  [Buffer.prototype, ['toString'], resultLength],
  [Buffer.prototype, ['indexOf'], found],
  [Buffer.prototype, ['includes', 'lastIndexOf', 'equals', 'swap16'], selfLength],
  [Buffer.prototype, ['copy'], (_, __, result) => Number(result)],
  [Uint8Array.prototype, ['set', 'fill'], (self, [given]) => lengthOf(given) || lengthOf(self)],
  [Uint8Array.prototype, ['copyWithin', 'slice'], selfLength],
  [Buffer, ['concat', 'from'], resultLength],
  [JSON, ['parse'], (_, [text]) => lengthOf(text)],
  [JSON, ['stringify'], resultLength],
  [TextDecoder.prototype, ['decode'], (_, [bytes]) => lengthOf(bytes)],
  [Object, ['entries', 'keys', 'fromEntries'], resultLength],
  [
    RegExp.prototype,
    ['exec'],
    (self, [text], result, from) => {
      const { source, flags } = self as RegExp
      if (lengthOf(text) > FEW && !isLinearByForm(source, flags)) expressions.add(`/${source}/${flags}`)
      const match = result as RegExpExecArray | null
      return match === null ? Math.max(0, lengthOf(text) - from) : match.index + match[0].length - from
    },
  ],
]

/** Puts counting functions in the place of those that cost something; answers how to undo it. */
function countBuiltIns(): () => void {
  const undo: (() => void)[] = []
  for (const [owner, names, cost] of COSTS) {
    for (const name of names) {
      const descriptor = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor | undefined
      if (descriptor === undefined) continue
      const original = descriptor.value as Method
      const counting: Method = function (...given) {
        const from = this instanceof RegExp && (this.global || this.sticky) ? this.lastIndex : 0
        const result = Reflect.apply(original, this, given)
        steps += 1 + cost(this, given, result, from)
        return result
      }
      Object.defineProperty(owner, name, { ...descriptor, value: counting })
      undo.push(() => Object.defineProperty(owner, name, descriptor))
    }
  }
  return () => {
    for (const one of undo) one()
  }
}

interface Coverage {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[]
  }[]
}

/** The counters of V8 are its own: one session for all calls. */
let session: Session | undefined

function blocks(): number {
  let count = 0
  session?.post('Profiler.takePreciseCoverage', (_: Error | null, coverage: unknown) => {
    for (const { url, functions } of (coverage as Coverage).result) {
      if (!url.includes('/src/')) continue
      for (const { ranges } of functions) for (const range of ranges) count += range.count
    }
  })
  return count
}

/** The work of one call, which is to be synchronous. */
export function workOf(call: () => unknown): Work {
  if (session === undefined) {
    session = new Session()
    session.connect()
    session.post('Profiler.enable')
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }
  blocks()
  steps = 0
  expressions.clear()
  const undo = countBuiltIns()
  try {
    call()
  } finally {
    undo()
  }
  return { steps: steps + blocks(), expressions: [...expressions] }
}
