#!/bin/sh
# Builds dist/: what is run and packed. main.js is the newest of all when the build is whole (see heddle.sh).
set -e
cd "$(dirname "$0")/.."
rm -rf dist
sh src/node.sh node_modules/rolldown/bin/cli.mjs --config rolldown.config.ts --log-level warn
sh src/node.sh node_modules/typescript/bin/tsc -p tsconfig.build.json
mkdir -p dist/src/monitor
cp -R src/monitor/dashboard dist/src/monitor/
touch dist/src/main.js
