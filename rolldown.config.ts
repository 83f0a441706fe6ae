// What is run and packed: the sources of each kind of thread as few files, so that a start loads three files and not
// two hundred. Dependencies stay packages of their own. Not minified: stacks in the log are to be read.

import { defineConfig, type RolldownOptions } from 'rolldown'
import manifest from './package.json' with { type: 'json' }

/** `entries`: source files without extension; what they load later goes into files of `folder`. */
function program(folder: string, entries: readonly string[]): RolldownOptions {
  return {
    input: Object.fromEntries(entries.map((entry) => [entry, `${entry}.ts`])),
    platform: 'node',
    external: Object.keys(manifest.dependencies),
    output: {
      dir: process.env['BUILD_FOLDER'] ?? 'dist',
      entryFileNames: '[name].js',
      chunkFileNames: `${folder}/[name].js`,
    },
  }
}

// Threads share no modules, so each kind has all of its code in its own files.
export default defineConfig([
  program('src', ['src/main', 'src/index', 'src/client/index']),
  // For browsers: a file that imports no other, and nothing of Node.
  program('client', ['src/client/browser']),
  program('workers', ['workers/shard-main']),
  program('workers', ['workers/password-main']),
])
