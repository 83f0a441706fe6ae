// Code blocks of a page, as programs that can be run.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/server.ts'

export interface CodeBlock {
  readonly language: string
  /** Of the first line of its text, in the page. */
  readonly line: number
  /** The heading above it. */
  readonly heading: string
  /** What `<!-- server: NAME -->` in front of it says; else empty. */
  readonly server: string
  readonly text: string
}

/** The blocks of a page between fences. */
export function codeBlocks(path: string): CodeBlock[] {
  const lines = readFileSync(join(ROOT, path), 'utf8').split('\n')
  const blocks: CodeBlock[] = []
  let heading = ''
  let server = ''
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]
    if (line.startsWith('#')) heading = line.replace(/^#+ /, '')
    const named = /^<!-- server: (\w+) -->$/.exec(line)
    if (named !== null) server = named[1]
    if (!line.startsWith('```')) continue
    const end = lines.indexOf('```', i + 1)
    if (end < 0) throw new Error(`${path}:${i + 1}: a block without end`)
    blocks.push({ language: line.slice(3), line: i + 2, heading, server, text: lines.slice(i + 1, end).join('\n') })
    server = ''
    i = end
  }
  return blocks
}
