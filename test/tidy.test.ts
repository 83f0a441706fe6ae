// The repository tests its own tidiness.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { expressionsIn } from './support/expressions.ts'
import { isLinearByForm } from './support/patterns.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COLUMNS_MAX = 120

interface Source {
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

function sourcesIn(...folders: string[]): Source[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const text = readFileSync(path, 'utf8')
      return { path: relative(ROOT, path), text, lines: text.split('\n') }
    })
}

const PRODUCT = sourcesIn('src', 'workers')
const EVERYTHING = [...PRODUCT, ...sourcesIn('test', 'bench')]

/** Names of places where a line is not as it should be. */
function placesOf(sources: readonly Source[], isWrong: (line: string) => boolean): string[] {
  return sources.flatMap(({ path, lines }) =>
    lines.flatMap((line, i) => (isWrong(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  )
}

/** Without what stands in texts and behind //; good enough for looking for words of the language. */
function codeOf(line: string): string {
  if (/^\s*(\*|\/\*)/.test(line)) return ''
  return line
    .replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''")
    .replace(/\/\/.*/, '')
    .replace(/\/\*.*?\*\//g, '')
}

test('there are sources to look at', () => {
  expect(PRODUCT.length).toBeGreaterThan(20)
  expect(EVERYTHING.length).toBeGreaterThan(PRODUCT.length)
})

test('no line is wider than the page', () => {
  expect(placesOf(PRODUCT, (line) => line.length > COLUMNS_MAX)).toEqual([])
})

test('no promise is let go with void: what goes wrong in it has to be guarded (src/base/guarded.ts)', () => {
  expect(placesOf(PRODUCT, (line) => /\bvoid [A-Za-z(]/.test(codeOf(line)))).toEqual([])
})

test('every product file begins with what it is', () => {
  expect(PRODUCT.filter(({ text }) => !text.startsWith('// ')).map(({ path }) => path)).toEqual([])
})

test('every product file is used: it is reached from an entry', () => {
  const byPath = new Map(PRODUCT.map((source) => [source.path, source]))
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    const source = byPath.get(path)
    if (source === undefined) return
    for (const [, name] of source.text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)) {
      const target = join(dirname(path), name)
      if (!byPath.has(target)) expect.fail(`${path} imports ${name}, which is not there`)
      visit(target)
    }
  }
  for (const { path } of PRODUCT) if (path.startsWith('workers/')) visit(path)
  visit('src/main.ts')
  visit('src/index.ts')
  visit('src/client/index.ts')
  visit('src/client/browser.ts')
  visit('src/nats-core/index.ts')
  visit('src/nats-core/browser.ts')
  visit('src/test-kit/index.ts')
  // Not used by streams yet.
  visit('src/jetstream/storage/shard-storage.ts')
  expect(PRODUCT.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([])
})

/** The word where a type may stand, followed by what may follow a type. */
const ANY = /(?:[:<|&,=([]|\bas|\bextends)\s*any\s*(?:[\])>;,=|&{[]|$)/

test('nothing is of type any', () => {
  expect(placesOf(EVERYTHING, (line) => ANY.test(codeOf(line)))).toEqual([])
})

test('nothing is printed behind the log’s back', () => {
  const sources = [...PRODUCT, ...sourcesIn('bench')]
  expect(placesOf(sources, (line) => /\bconsole\s*\./.test(codeOf(line)))).toEqual([])
  const printers = placesOf(PRODUCT, (line) => /\bprocess\.std(?:out|err)\b/.test(codeOf(line)))
  expect(printers.filter((place) => !place.startsWith('src/main.ts'))).toEqual([])
})

test('only the command reads arguments and environment', () => {
  const readers = placesOf(PRODUCT, (line) => /\bprocess\.(?:argv|env)\b/.test(codeOf(line)))
  expect(readers.filter((place) => !place.startsWith('src/main.ts'))).toEqual([])
})

/** `docs/….md`, and the heading that is quoted behind it. */
const CITATION = /\bdocs\/[\w/-]+\.md\b(?:, "([^"]+)")?/g

/** Text in which a comment's lines stand behind each other, so that a citation may be wrapped. */
const unwrapped = (text: string): string => text.replace(/\n\s*(?:\/\/|\*)(?: |$)/gm, ' ')

test('every page and heading that a comment names is there', () => {
  const headings = new Map<string, Set<string>>()
  const headingsOf = (path: string): Set<string> | undefined => {
    if (!headings.has(path) && existsSync(join(ROOT, path))) {
      const page = readFileSync(join(ROOT, path), 'utf8')
      headings.set(path, new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading)))
    }
    return headings.get(path)
  }
  const wrong = EVERYTHING.flatMap(({ path, text }) =>
    [...unwrapped(text).matchAll(CITATION)].flatMap(([citation, heading]) => {
      const found = headingsOf(citation.replace(/, ".*/, ''))
      return found !== undefined && (heading === undefined || found.has(heading)) ? [] : [`${path}: ${citation}`]
    }),
  )
  expect(wrong).toEqual([])
})

test('comments name no document that is not in the repository', () => {
  const elsewhere = /\breference \d|\((?:reliability )?R\d+\b/
  expect(EVERYTHING.filter(({ text }) => elsewhere.test(unwrapped(text))).map(({ path }) => path)).toEqual([])
})

test('open questions are issues, not notes in the code', () => {
  const note = new RegExp(['TODO', 'FIXME', 'XXX', 'HACK'].map((word) => `\\b${word}\\b`).join('|'))
  expect(placesOf(EVERYTHING, (line) => note.test(line)).filter((place) => !place.startsWith('test/tidy'))).toEqual([])
})

test('no test stands in the way of the others', () => {
  expect(placesOf(EVERYTHING, (line) => /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.only\b/.test(line))).toEqual([])
})

test('what is only for tests stays out of the product', () => {
  expect(placesOf(PRODUCT, (line) => /from '(?:vitest|fast-check|nats|@nats-io\/transport-node)'/.test(line))).toEqual(
    [],
  )
  expect(placesOf(PRODUCT, (line) => /from '[^']*\/(?:test|bench)\//.test(line))).toEqual([])
})

/**
 * Where a regular expression may take longer than in proportion to its text, as the text is short or none that a
 * stranger wrote; by file, or by folder. All that comes from a peer, a token, a page's query or a resolver is read by
 * src/text/ or by loops of its own.
 */
const TRUSTED = new Map([
  ['src/config/', 'flags, files and options are the operator’s'],
  ['src/base/addresses.ts', 'addresses that the operator advertises'],
  ['src/base/duration.ts', 'durations that the operator writes, and delays of 256 bytes at most'],
  ['src/auth/jwt/operator.ts', 'a version in the token of the configured operator'],
  ['src/base/errors.ts', 'what Node says of a failed system call'],
  ['src/base/go-format.ts', 'digits of one number'],
  ['src/tls/errors.ts', 'what OpenSSL says of a handshake'],
  ['src/tls/names.ts', 'names of configured users'],
  ['src/tls/ocsp/stapling.ts', 'the server’s own certificates'],
  ['src/tls/pem.ts', 'the server’s own certificates and keys'],
])

/** The entry that covers a file. */
const trustedBy = (path: string): string | undefined => [...TRUSTED.keys()].find((entry) => path.startsWith(entry))

test('no regular expression that may take more than linear time sees what strangers send', () => {
  const used = new Set<string>()
  const wrong: string[] = []
  for (const { path, text } of PRODUCT) {
    for (const { source, flags, line } of expressionsIn(text)) {
      if (isLinearByForm(source, flags)) continue
      const entry = trustedBy(path)
      if (entry === undefined) wrong.push(`${path}:${line}: /${source}/${flags}`)
      else used.add(entry)
    }
  }
  expect(wrong).toEqual([])
  expect([...TRUSTED.keys()].filter((entry) => !used.has(entry))).toEqual([])
  expect(placesOf(PRODUCT, (line) => /\bRegExp\(/.test(codeOf(line)))).toEqual([])
})

test('the forms of expressions that are taken for linear', () => {
  const linear = [/^[a-z]*$/, /^Basic ([A-Za-z]+={0,2})$/i, /[,+]|^[ #]| $/g, /a{1,3}/, /x*/y, /^\*+[*+]\+$/]
  const others = [/[ \t]+$/, /^(.*?) *$/, /^a*$/m, /^a|b*/, /(a+)+/, /a{2,}b/, /^a{2,}b*/]
  expect(linear.filter(({ source, flags }) => !isLinearByForm(source, flags))).toEqual([])
  expect(others.filter(({ source, flags }) => isLinearByForm(source, flags))).toEqual([])
})

test('expressions are found, and told from divisions, texts and comments', () => {
  const code = [
    'const a = b / c / d // /no/',
    "const t = '/no/' + `/no/`",
    'return /yes[/]+/g.test(x) ? x / 2 : /also/',
    '/* /no/ */ f(/third\\/x/i, (a) / b)',
  ].join('\n')
  expect(expressionsIn(code)).toEqual([
    { source: 'yes[/]+', flags: 'g', line: 3 },
    { source: 'also', flags: '', line: 3 },
    { source: 'third\\/x', flags: 'i', line: 4 },
  ])
})

/** `@scope/name/path` and `name/path` without the path. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}

const IMPORT = /^(?:import|export|\}).*from '([^.][^']*)'/gm

test('every package that the product imports is a dependency', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const dependencies = { ...manifest.dependencies, ...manifest.devDependencies } // the latter are built in
  const names = PRODUCT.flatMap(({ text }) => [...text.matchAll(IMPORT)].map(([, name]) => name))
  const packages = names.filter((name) => !name.startsWith('node:')).map(packageOf)
  expect([...new Set(packages)].filter((name) => dependencies[name] === undefined)).toEqual([])
})

test('the lockfile names no registry', () => {
  expect(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).not.toContain('"resolved"')
})
