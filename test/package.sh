#!/usr/bin/env bash
# The package as its users get it: packed, installed into empty projects, its command run, its API imported, on each
# line of Node. Runs on the Node and npm of the machine.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export npm_config_loglevel=warn npm_config_fund=false npm_config_audit=false

# A new, empty project, which becomes the current folder.
project() {
  mkdir "$work/$1"
  cd "$work/$1"
  npm init --yes >/dev/null
}
# The version of a package that Heddle itself is developed with.
version() { node -p 'require(process.argv[1]).devDependencies[process.argv[2]]' "$root/package.json" "$1"; }
# The first block of code, of language $2, behind the text $1 in the page $3.
block() {
  awk -v after="$1" -v fence="^\`\`\`$2" '
    index($0, after) == 1 { found = 1 }
    found && /^```$/ { exit }
    code { print }
    found && $0 ~ fence { code = 1 }
  ' "$root/$3"
}
# Runs a command on another Node than the machine's: `on FOLDER COMMAND ARGUMENTS`.
on() { PATH=$1:$PATH "${@:2}"; }

cd "$root"
npm pack --silent --pack-destination "$work" >/dev/null
package=$(echo "$work"/heddle-*.tgz)
[ "$(wc -c <"$package")" -lt 1048576 ]
tar tf "$package" >"$work/files"
[ "$(grep -cE '/(test|bench)/|[^d]\.ts$' "$work/files" || true)" = 0 ]

# The machine's Node stays what `npx` and `npm run` use, and npm warns of nothing but the script of ours that it ran.
project user
own=$(node -v)
npm install "$package" >log 2>&1
[ "$(grep -E 'warn' log | grep -cv 'install-scripts' || true)" = 0 ]
[ "$(grep -c 'install-scripts  *[^ ]*@' log || true)" -le 1 ]
[ "$(ls node_modules/.bin)" = heddle ]
[ "$(npx node -v)" = "$own" ]
npx heddle -v
# The server was started once, so that the first start finds its code compiled.
[ -n "$(ls node_modules/heddle/.cache)" ]

# Without the Node that comes with it: the machine's own is used, or refused in words.
project own-node
npm install --silent --omit=optional "$package"
[ ! -e node_modules/heddle/node_modules ]
[ "$(du -sm node_modules | cut -f1)" -le 12 ]
pinned=$(dirname "$root"/node_modules/.node/node_modules/node-*/bin/node)
on "$pinned" node_modules/.bin/heddle -v
if [ "${own%%.*}" = v20 ]; then
  (node_modules/.bin/heddle -v 2>&1 || true) | grep 'Heddle needs Node .* npm rebuild heddle'
fi

# Each line of Node: with workers where they can be handed connections, else refused in words.
cat >use.mjs <<'USE'
import { createServer } from 'heddle'
import { connect } from 'heddle/client'
const server = createServer({ port: 0, workers: Number(process.argv[2]) })
await server.ready()
if (!/^nats:\/\/127\.0\.0\.1:\d+$/.test(server.url)) throw new Error(`odd url ${server.url}`)
const nc = await connect({ servers: server.url })
nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
if ((await nc.request('echo', 'hello')).string() !== 'hello') throw new Error('no echo')
await nc.close()
await server.close()
USE
node_package=$(basename "$(dirname "$pinned")")
for line in 22.23.5 24.22.3; do
  npm install --silent --no-save --prefix "$work/node-$line" "$node_package@$line"
  on "$work/node-$line/node_modules/$node_package/bin" node use.mjs 0
done
# Where the machine's own Node will do, an installation adds none.
project new-node
on "$pinned" npm install --silent "$package"
[ -d node_modules/heddle/.cache ]
[ ! -e node_modules/heddle/node_modules ]
cp ../own-node/use.mjs .
on "$pinned" node use.mjs 0
on "$pinned" node use.mjs 1
on "$work/node-24.22.3/node_modules/$node_package/bin" node use.mjs 1
(on "$work/node-22.23.5/node_modules/$node_package/bin" node use.mjs 1 2>&1 || true) |
  grep 'worker threads need Node .* this is 22.23.5: .*workers: 0'
if [ "${own%%.*}" = v20 ]; then
  (node use.mjs 0 2>&1 || true) | grep 'Heddle needs Node .* this is 20'
fi

# The examples of the README and of the test kit, unchanged, in a new TypeScript project that is strict in all.
project typescript
npm install --silent "$package" "typescript@$(version typescript)" "@types/node@$(version @types/node)" \
  "@nats-io/transport-node@$(version @nats-io/transport-node)" "@nats-io/jetstream@$(version @nats-io/jetstream)"
block '## Embed' ts README.md >embed.mts
grep -q createServer embed.mts
block '# Testing' ts docs/testing.md >kit.mts
grep -q createTestServer kit.mts
block '## Streams' ts docs/testing.md >streams.mts
grep -q jetstreamManager streams.mts
cat >over-the-client.mts <<'USE'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, nanos } from 'heddle/nats-core'
import { createTestServer } from 'heddle/test'
const server = await createTestServer({ jetstream: true })
const nc = await connect({ servers: server.url })
const jsm = await jetstreamManager(nc)
await jsm.streams.add({ name: 'S', subjects: ['s'], max_age: nanos(60_000) })
const { seq } = await jetstream(nc).publish('s', 'x')
if (seq !== 1) throw new Error(`stored as ${seq}`)
await nc.drain()
await server.close()
USE
cat >require.cts <<'USE'
import { createServer, type HeddleServer, OptionError } from 'heddle'
import { connect, errors, type NatsConnection } from 'heddle/client'
import { createTestServer, type TestServer } from 'heddle/test'
export const server: HeddleServer = createServer({ port: 0, workers: 0 })
export const client: Promise<NatsConnection> = connect()
export const kit: Promise<TestServer> = createTestServer()
export { errors, OptionError }
USE
for module in nodenext node16; do
  node_modules/.bin/tsc --noEmit --strict --skipLibCheck false --module $module --target es2022 --types node \
    embed.mts kit.mts streams.mts over-the-client.mts require.cts
done
on "$pinned" node embed.mts
on "$pinned" node over-the-client.mts
on "$pinned" node --test kit.mts streams.mts >/dev/null

# A CommonJS project: in Node there is one copy of the modules however they are loaded; Jest takes the CommonJS files.
project commonjs
npm install --silent "$package" jest@30.5.2
cp ../typescript/embed.mts embed.mjs
cat >one-copy.js <<'USE'
const { createServer } = require('heddle')
import('heddle').then((module) => process.exit(module.createServer === createServer ? 0 : 1))
USE
cat >use.test.js <<'USE'
const { createServer } = require('heddle')
const { connect } = require('heddle/client')
test.each([0, 1])('a server with %d workers', async (workers) => {
  const server = createServer({ port: 0, workers })
  await server.ready()
  const nc = await connect({ servers: server.url })
  nc.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
  expect((await nc.request('echo', 'hello')).string()).toBe('hello')
  await nc.close()
  await server.close()
})
USE
block '<!-- runner: jest -->' js docs/testing.md >kit.test.js
grep -q createTestServer kit.test.js
cat >kit.js <<'USE'
const assert = require('node:assert/strict')
const { after, test } = require('node:test')
const { createTestServer, replay } = require('heddle/test')
for (const workers of [0, 1]) {
  test(`the test kit with ${workers} workers`, async () => {
    const server = await createTestServer({ workers })
    after(() => server.close())
    const recording = server.record('conversation.jsonl')
    const nc = await server.connect()
    nc.publish('orders.new', 'hello')
    const [order] = await server.received('orders.>', { timeout: 10000 })
    assert.equal(order.string(), 'hello')
    await recording.stop()
    assert.deepEqual(await replay('conversation.jsonl', { url: server.url, timeout: 10000 }), [])
  })
}
USE
on "$pinned" node embed.mjs
on "$pinned" node --test kit.js >/dev/null
on "$pinned" node one-copy.js
on "$work/node-22.23.5/node_modules/$node_package/bin" node one-copy.js
on "$pinned" node node_modules/jest/bin/jest.js

# From a git address: npm builds it, by the lockfile.
if git -C "$root" rev-parse --quiet --verify HEAD >/dev/null; then
  project from-git
  npm install --silent "git+file://$root#$(git -C "$root" rev-parse HEAD)"
  npx heddle -v
fi
echo 'the package works'
