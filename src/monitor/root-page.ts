// The root page: links to the pages that there are, for people. It loads nothing from anywhere.

import { HEDDLE_VERSION, NATS_VERSION } from '../constants.ts'
import type { Answer } from './answer.ts'
import { countRequest, type PageContext } from './page.ts'
import type { Parameters } from './parameters.ts'

const LINKS = [
  ['varz', 'General'],
  ['connz', 'Connections'],
  ['subsz', 'Subscriptions'],
  ['healthz', 'Health'],
] as const

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2433; --dim: #667085; --paper: #fbfbf9; --line: #e2e3de; --mark: #0b6e6e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --dim: #98a1b0; --paper: #15181e; --line: #2c313b; --mark: #5cc8c0 }
}
body { margin: 4rem auto; max-width: 34rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600 }
p { margin: 0 0 2rem; color: var(--dim); overflow-wrap: anywhere }
a { display: flex; justify-content: space-between; padding: .75rem 0; border-top: 1px solid var(--line);
  color: var(--mark); text-decoration: none }
a:hover, a:focus-visible { text-decoration: underline }
code { color: var(--dim) }
`

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character])

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
}

export function rootPage(_parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/')
  const links = LINKS.map(([path, title]) => `<a href="./${path}">${title} <code>/${path}</code></a>`).join('\n')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heddle</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Heddle ${HEDDLE_VERSION}</h1>
<p>${escapeHtml(context.server.identity.serverName)} · speaks as nats-server ${NATS_VERSION}</p>
${links}
</body>
</html>
`
  return { status: 200, headers: HEADERS, body: Buffer.from(html) }
}
