// The dashboard at the root: files of this folder, read once, served as they are. Nothing is built and no external file
// is used; the content security policy forbids it, so that a client's name can never become a script.

import { readFileSync } from 'node:fs'
import { dashboardFile } from '../../base/program-files.ts'
import { type Answer, bytesAnswer } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const SAFETY = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // A new release is seen at once; the files are small.
  'Cache-Control': 'no-cache',
}

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const

const FILES = [
  'style.css',
  'lists.css',
  'narrow.css',
  'icon.svg',
  'app.js',
  'chart.js',
  'connections.js',
  'feed.js',
  'format.js',
  'names.js',
  'overview.js',
  'shards.js',
  'subjects.js',
  'tables.js',
  'virtual-table.js',
] as const

function headersOf(name: string): Answer['headers'] {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1) as keyof typeof TYPES]
  return { 'Content-Type': type, ...SAFETY }
}

/** Reads the files; throws if one is missing from the installation. By path. */
export function dashboardFiles(): ReadonlyMap<string, Answer> {
  return new Map(
    FILES.map((name) => [`/dashboard/${name}`, bytesAnswer(readFileSync(dashboardFile(name)), headersOf(name))]),
  )
}

/** The root page; `links`: what its links to other pages and to files begin with. */
export function dashboardPage(links: string): (parameters: Parameters, context: PageContext) => Answer {
  const page = bytesAnswer(
    Buffer.from(readFileSync(dashboardFile('index.html'), 'utf8').replaceAll('="./', `="${links}`)),
    headersOf('index.html'),
  )
  return (_parameters, context) => {
    countRequest(context, '/')
    return page
  }
}
