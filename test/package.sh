#!/usr/bin/env bash
# The package as its users get it: packed, installed into an empty project, its command run, its API imported.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The version that the project itself uses.
dependency() { node -p 'require(process.argv[1]).devDependencies[process.argv[2]]' "$root/package.json" "$1"; }
export npm_config_loglevel=error npm_config_fund=false npm_config_audit=false

own_path=$PATH

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
node=$PWD/$(echo node_modules/node-*/bin/node)
"$node" use.mjs
[ "$(wc -c <"$work"/heddle-*.tgz)" -lt 1048576 ]
tar tf "$work"/heddle-*.tgz >files
[ "$(grep -cE '/(test|bench)/|[^d]\.ts$' files || true)" = 0 ]

# The first block of code, of language $2, behind the text $1 in the page $3.
block() { awk -v after="$1" -v fence="^\`\`\`$2" 'index($0, after) == 1 { found = 1 } found && /^```$/ { exit } code { print } found && $0 ~ fence { code = 1 }' "$root/$3"; }

# The example of the README and that of the test kit, unchanged, in a new TypeScript project, strict in all; then without types.
mkdir "$work/typescript"
cd "$work/typescript"
npm init --yes >/dev/null
npm install --silent "$work"/heddle-*.tgz "typescript@$(dependency typescript)" "@types/node@$(dependency @types/node)" \
  "@nats-io/transport-node@$(dependency @nats-io/transport-node)"
block '## Embed' ts README.md >embed.mts
grep -q createServer embed.mts
block '# Testing' ts docs/testing.md >kit.mts
grep -q createTestServer kit.mts
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
  node_modules/.bin/tsc --noEmit --strict --skipLibCheck false --module $module --target es2022 --types node embed.mts kit.mts require.cts
done
PATH="$(dirname "$node"):$PATH" node embed.mts
PATH="$(dirname "$node"):$PATH" node --test kit.mts >/dev/null

# A CommonJS project: in Node there is one copy of the modules however they are loaded; Jest needs the CommonJS files.
mkdir "$work/commonjs"
cd "$work/commonjs"
npm init --yes >/dev/null
npm install --silent "$work"/heddle-*.tgz jest@30.5.2
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
PATH="$(dirname "$node"):$PATH"
node embed.mjs
node --test kit.js >/dev/null
node one-copy.js
node node_modules/jest/bin/jest.js

# Without the optional Node: the machine's own is used, or refused in words.
PATH=$own_path
mkdir "$work/own-node"
cd "$work/own-node"
npm init --yes >/dev/null
npm install --silent --omit=optional "$work"/heddle-*.tgz
[ -z "$(ls node_modules | grep '^node-' || true)" ]
[ "$(du -sm node_modules | cut -f1)" -le 12 ]
PATH="$root/$(dirname "$(cd "$root" && ls node_modules/node-*/bin/node)"):$PATH" node_modules/.bin/heddle -v
if ! node -e 'process.exit(process.versions.node.split(".")[0] < 22 ? 1 : 0)'; then
  (node_modules/.bin/heddle -v 2>&1 || true) | grep -q 'Heddle needs Node'
fi
# What stands in the README.
size=$(du -sm "$work/user/node_modules" | cut -f1)
[ "$size" -le 240 ]
echo 'the package works'
