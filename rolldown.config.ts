// What is run and packed: the sources of each kind of thread as few files, so that a start loads three files and not
// two hundred. Other packages are built in, with their licences beside them, unless they cannot be (EXTERNAL). Stacks
// in the log can be read.
//
// The command and the API are CommonJS: every loader takes it, Jest's too, and `import` and `require` get the same
// module, of which there is one. Shards and browsers load ES modules.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import manifest from './package.json' with { type: 'json' }

const FOLDER = process.env['BUILD_FOLDER'] ?? 'dist'
/** `code`: without what a package alone needs, types. */
const codeOnly = process.env['BUILD_PARTS'] === 'code'

/** The API, as package.json exports it: source files without extension. */
const API = Object.values(manifest.exports).map((paths) => paths.default.slice('./dist/'.length, -'.cjs'.length))

/** `dependencies` start threads from files of their own; `peerDependencies` are the program's, whose classes count. */
const EXTERNAL = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).map(
  (name) => new RegExp(`^${name}(?:/|$)`),
)

/** Adds the licences of the packages that are built in. */
const licences: Plugin = {
  name: 'licences',
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
    const names = modules.map((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1])
    for (const name of new Set(names)) {
      if (name === undefined) continue
      const folder = join('node_modules', name)
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      if (file === undefined) throw new Error(`${name} has no licence`)
      this.emitFile({
        type: 'asset',
        fileName: `licences/${name.replace('/', '-')}.txt`,
        source: readFileSync(join(folder, file), 'utf8'),
      })
    }
  },
}

/** `entries`: source files without extension; what they share or load later goes into files of `folder`. */
function program(folder: string, entries: readonly string[], extension = 'js'): RolldownOptions {
  return {
    input: Object.fromEntries(entries.map((entry) => [entry, `${entry}.ts`])),
    platform: 'node',
    external: EXTERNAL,
    // Its entry for Node looks for an addon, which Heddle does without.
    resolve: { alias: { msgpackr: join(import.meta.dirname, 'node_modules/msgpackr/index.js') } },
    plugins: [licences],
    output: {
      dir: FOLDER,
      comments: false,
      // Small, with lines and the names of functions.
      minify: { compress: false, mangle: { keepNames: true }, codegen: { removeWhitespace: false } },
      format: extension === 'cjs' ? 'cjs' : 'esm',
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `${folder}/[name].${extension}`,
    },
  }
}

/**
 * Types, as few files as the code, of what the compiler has written to `types`. TypeScript knows by the end of a file's
 * name whether it describes an ES module (.d.ts) or a CommonJS one (.d.cts).
 */
function types(entries: readonly string[], extension: 'd.ts' | 'd.cts'): RolldownOptions {
  return {
    input: Object.fromEntries(entries.map((entry) => [entry, `./${FOLDER}/types/${entry}.d.ts`])),
    external: EXTERNAL,
    plugins: [dts({ dtsInput: true, emitDtsOnly: true })],
    treeshake: { moduleSideEffects: false },
    output: {
      dir: FOLDER,
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `src/[name].${extension}`,
      banner: '/// <reference lib="esnext.disposable" />', // `using` is not in the libraries of ES2024
    },
  }
}

/** For browsers: each a file that imports no other of ours, and nothing of Node. */
const BROWSER = ['src/client/browser', 'src/nats-core/browser']
const forPackage = [...BROWSER.map((entry) => types([entry], 'd.ts')), types(API, 'd.cts')]

// Threads share no modules, so each kind has all of its code in its own files.
export default defineConfig([
  program('src', ['src/main', ...API], 'cjs'),
  ...BROWSER.map((entry) => program('browser', [entry])),
  program('workers', ['workers/shard-main']),
  program('workers', ['workers/password-main']),
  program('workers', ['workers/store-main']),
  ...(codeOnly ? [] : forPackage),
])
