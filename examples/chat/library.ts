// The official client library, @nats-io/nats-core, as one file for browsers, made from what npm has installed.
//
// Its package holds CommonJS modules, which browsers do not load. So each module becomes a function, and a few lines
// stand in for `require`. No build step, nothing from elsewhere.

import { readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'

interface Module {
  readonly source: string
  /** What its require() calls name → the number of the module that is meant. */
  readonly links: Record<string, number>
}

const RUNTIME = `
const loaded = []
function load(number) {
  if (loaded[number] === undefined) {
    const module = { exports: {} }
    loaded[number] = module
    const [run, links] = modules[number]
    run((name) => (name in links ? load(links[name]) : {}), module, module.exports)
  }
  return loaded[number].exports
}
`

/** An ES module's text; its exports are those of the library. */
export function clientLibrary(): string {
  const numbers = new Map<string, number>()
  const modules: Module[] = []
  const entry = createRequire(import.meta.url).resolve('@nats-io/nats-core')

  function add(file: string): number {
    const known = numbers.get(file)
    if (known !== undefined) return known
    const number = modules.length
    numbers.set(file, number)
    const source = readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
    const links: Record<string, number> = {}
    modules.push({ source, links })
    const require = createRequire(file)
    for (const [, name] of source.matchAll(/\brequire\(["']([^"']+)["']\)/g)) {
      // What only Node has is empty in a browser, and not asked for there.
      if (!isBuiltin(name)) links[name] = add(require.resolve(name))
    }
    return number
  }

  add(entry)
  const functions = modules.map(
    ({ source, links }) => `[(require, module, exports) => {\n${source}\n}, ${JSON.stringify(links)}]`,
  )
  const exported = ['wsconnect', 'headers', 'nuid', 'credsAuthenticator', 'nkeyAuthenticator', 'jwtAuthenticator']
  return `const modules = [\n${functions.join(',\n')}\n]\n${RUNTIME}\nexport const { ${exported.join(', ')} } = load(0)\n`
}
