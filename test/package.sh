#!/usr/bin/env bash
# The package as its users get it: packed, installed into an empty project, its command run, its API imported.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export npm_config_loglevel=error npm_config_fund=false npm_config_audit=false

cd "$root"
npm pack --silent --pack-destination "$work" >/dev/null
mkdir "$work/user"
cd "$work/user"
npm init --yes >/dev/null
npm install --silent "$work"/heddle-*.tgz
node_modules/.bin/heddle -v
# Installing has started the server once, so that the first start finds its code compiled.
[ -n "$(ls node_modules/heddle/.cache)" ]
cat >use.mjs <<'USE'
import { createServer } from 'heddle'
const server = createServer({ host: '127.0.0.1', port: -1, workers: 1 })
await server.ready()
if (!/^nats:\/\/127\.0\.0\.1:\d+$/.test(server.url)) throw new Error(`odd url ${server.url}`)
const { connect } = await import('heddle/client')
const nc = await connect({ servers: server.url })
nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
if ((await nc.request('echo', 'hello')).string() !== 'hello') throw new Error('no echo')
await nc.close()
await server.close()
USE
node=$(echo node_modules/node-*/bin/node)
"$node" use.mjs

# Without the optional Node: the machine's own is used, or refused in words.
mkdir "$work/own-node"
cd "$work/own-node"
npm init --yes >/dev/null
npm install --silent --omit=optional "$work"/heddle-*.tgz
! ls node_modules/node-* 2>/dev/null
[ "$(du -sm node_modules | cut -f1)" -le 12 ]
PATH="$root/$(dirname "$(cd "$root" && ls node_modules/node-*/bin/node)"):$PATH" node_modules/.bin/heddle -v
if ! node -e 'process.exit(process.versions.node.split(".")[0] < 22 ? 1 : 0)'; then
  (node_modules/.bin/heddle -v 2>&1 || true) | grep -q 'Heddle needs Node'
fi
# What stands in the README.
size=$(du -sm "$work/user/node_modules" | cut -f1)
[ "$size" -le 240 ]
echo 'the package works'
