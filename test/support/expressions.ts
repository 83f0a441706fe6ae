// The regular expressions of a source file, found by reading its text as the language does: past texts and comments.

export interface Expression {
  readonly source: string
  readonly flags: string
  /** From 1. */
  readonly line: number
}

/** Words behind which an expression may begin. */
const WORDS = new Set(['return', 'typeof', 'case', 'in', 'of', 'yield', 'await', 'else', 'do', 'void'])

/** Whether a slash divides: what stands before it is a value. */
function isDivision(before: string): boolean {
  const text = before.trimEnd()
  if (text === '') return false
  const word = /[A-Za-z_$][\w$]*$/.exec(text)?.[0]
  if (word !== undefined) return !WORDS.has(word)
  return /[\w$)\]}'"`]$/.test(text)
}

/** Where the text in quotes that begins at `at` ends. Templates are taken whole: what they compute is not looked at. */
function endOfText(code: string, at: number): number {
  let end = at + 1
  while (end < code.length && code[end] !== code[at]) end += code[end] === '\\' ? 2 : 1
  return end
}

function endOfExpression(code: string, at: number): number {
  let isInClass = false
  for (let end = at + 1; end < code.length; end++) {
    if (code[end] === '\\') end++
    else if (code[end] === '[') isInClass = true
    else if (code[end] === ']') isInClass = false
    else if (code[end] === '/' && !isInClass) return end
  }
  return code.length
}

/** All expressions in a source file, written as such; those that are made by `RegExp` are not among them. */
export function expressionsIn(code: string): Expression[] {
  const found: Expression[] = []
  let line = 1
  let lineStart = 0
  for (let at = 0; at < code.length; at++) {
    const from = at
    if (code.startsWith('//', at)) at = code.indexOf('\n', at)
    else if (code.startsWith('/*', at)) at = code.indexOf('*/', at) + 1
    else if (code[at] === "'" || code[at] === '"' || code[at] === '`') at = endOfText(code, at)
    else if (code[at] === '/' && !isDivision(code.slice(lineStart, at))) {
      at = endOfExpression(code, at)
      const flags = /^[a-z]*/.exec(code.slice(at + 1, at + 9))?.[0] ?? ''
      found.push({ source: code.slice(from + 1, at), flags, line })
    }
    for (let i = code.indexOf('\n', from); i >= 0 && i <= at; i = code.indexOf('\n', i + 1)) {
      line++
      lineStart = i + 1
    }
  }
  return found
}
