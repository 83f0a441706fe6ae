#!/bin/sh
# Installs the Node that the `heddle` command runs on (package.json) into a folder of its own: as a dependency it would
# be linked into node_modules/.bin, where it replaces the user's Node in `npm run` and `npx`. npm fetches it as it does
# all packages, from the user's registry, and checks it against the lockfile. A checkout always gets it. A package gets
# it where the machine's own Node is older than what workers need (src/base/node-version.ts), unless optional
# dependencies are omitted. Without it src/node.sh takes the machine's own. An installation never fails by it.
root=$(cd "$(dirname "$0")/../.." && pwd -P)
own=$root/node_modules/.node
if [ ! -f "$root/src/main.ts" ]; then
  case ${npm_config_omit-} in *optional*) exit 0 ;; esac
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+(major * 1000 + +minor < 24021))' &&
    exit 0
fi
cmp -s "$root/src/runtime/package.json" "$own/package.json" && [ -n "$(ls "$own"/node_modules/node-*/bin/node)" ] && exit 0
mkdir -p "$own" || exit 0
cp "$root/src/runtime/package.json" "$root/src/runtime/npm-shrinkwrap.json" "$own"
# What the outer npm was told about its own project must not count here.
cd "$own" && npm ci --prefix . --location project --no-global --no-workspaces --no-dry-run --include optional \
  --install-strategy hoisted --no-bin-links --ignore-scripts >/dev/null 2>&1 </dev/null
exit 0
