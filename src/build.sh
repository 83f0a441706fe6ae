#!/bin/sh
# Builds dist/: what is run and packed. `build.sh code` leaves out the types of the embedding API. main.js is the newest
# of all when the build is whole (see heddle.sh); it is built aside, so that others can run what was there before.
set -e
cd "$(dirname "$0")/.."
new=.dist-$$
trap 'rm -rf "$new"' EXIT
BUILD_FOLDER=$new sh src/node.sh node_modules/rolldown/bin/cli.mjs --config rolldown.config.ts --log-level warn >/dev/null
if [ "$1" != code ]; then
  sh src/node.sh node_modules/typescript/bin/tsc -p tsconfig.build.json --outDir "$new"
fi
mkdir -p "$new/src/monitor"
cp -R src/monitor/dashboard "$new/src/monitor/"
touch "$new/src/main.js"
rm -rf dist
mv "$new" dist
