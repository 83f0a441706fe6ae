// The paths of pages: under `http_base_path`, one path each. As in nats-server, which takes both from Go, a path with
// `//`, `.` or `..` in it is no other name of a page: it is redirected to the plain one.
import { posix } from 'node:path'
import { type Answer, textAnswer } from './answer.ts'

/** The path of a page, `/` or `/varz`, under a base path as the operator wrote it: a byte string, one char a byte. */
export function pathUnder(basePath: string, page: string): string {
  const path = posix.join('/', Buffer.from(basePath).toString('latin1'), page)
  return path === '/' ? path : path.replace(/\/$/, '')
}

/** What links on the page at the base path begin with. They are relative: a proxy may serve the pages elsewhere. */
export function linkPrefix(basePath: string): string {
  const last = posix.basename(posix.join('/', basePath.toWellFormed()))
  return last === '' ? './' : `./${encodeURIComponent(last)}/`
}

/** Where a path that is not plain leads, path and query as they were sent; undefined: it is plain. */
export function redirection(path: string, query: string): Answer | undefined {
  const plain = posix.normalize(path.startsWith('/') ? path : `/${path}`)
  if (plain === path) return undefined
  const location = escapePath(plain) + query
  return textAnswer(`<a href="${escapeHtml(location)}">Temporary Redirect</a>.\n\n`, 307, {
    'Content-Type': 'text/html; charset=utf-8',
    Location: location,
  })
}

/** Characters that are special in a path become `%XX`; escapes stay. */
function escapePath(path: string): string {
  const escaped = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  return path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@%]/g, escaped)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char])
}
