#!/bin/sh
# Builds dist/: what is run and packed. `build.sh code` leaves out what only a package needs: types. main.cjs is the
# newest of all when the build is whole (see heddle.sh); it is built aside, so that others can run what was there
# before.
set -e
cd "$(dirname "$0")/.."
new=.dist-$$
trap 'rm -rf "$new"' EXIT
[ "$1" = code ] || sh src/node.sh node_modules/typescript/bin/tsc -p tsconfig.build.json --outDir "$new/types"
BUILD_FOLDER=$new BUILD_PARTS=$1 \
  sh src/node.sh node_modules/rolldown/bin/cli.mjs --config rolldown.config.ts --log-level warn >/dev/null
rm -rf "$new/types"
# V8 keeps a text with any other character in two bytes a character: in each thread.
sh src/node.sh -e '
  const { readdirSync, readFileSync, writeFileSync } = require("node:fs")
  for (const name of readdirSync(process.argv[1], { recursive: true })) {
    if (!/\.c?js$/.test(name)) continue
    const file = `${process.argv[1]}/${name}`
    const escaped = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
    writeFileSync(file, readFileSync(file, "utf8").replace(/[^\x00-\x7f]/g, escaped))
  }
' "$new"
mkdir -p "$new/src/monitor"
cp -R src/monitor/dashboard "$new/src/monitor/"
touch "$new/src/main.cjs"
rm -rf dist
mv "$new" dist
