#!/usr/bin/env bash
# The suites of the official JavaScript client, run against Heddle or nats-server: `nats-js.sh CHECKOUT [SERVER]`.
#
# CHECKOUT is a work tree of https://github.com/nats-io/nats.js of the same version as our @nats-io/transport-node;
# SERVER is heddle (unless told) or nats-server, as `npm run peers` installs it. Deno is $DENO, or that of the PATH, or
# the npm package, installed for this run. Told at the end: `N passed, M failed`, then the name of each failed test, with
# the reason for those in nats-js-known.txt. Exit code 1 if Heddle failed another than these.
#
# What runs: the tests of core, jetstream, kv, obj and services (Deno) and transport-node/tests (Node); ONLY is a pattern
# of the files that are wanted. Left out: transport-node/tests/jetstream_test.js, which is about a server on the
# internet; nst, which tests the launcher rather than a server; and core/tests/buffer_test.ts, which fills gigabytes of
# memory without any server.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: $0 CHECKOUT [heddle|nats-server]" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
checkout=$(cd "$1" && pwd -P)
server=${2:-heddle}
seconds_a_file=${SECONDS_A_FILE:-300}
export SECONDS_A_TEST=${SECONDS_A_TEST:-30}
# A test that fails leaves its servers running: those that it started, which run in our directory.
work=$(mktemp -d)
stop_servers() {
  [ -f "$work/pids" ] || return 0
  while read -r pid; do
    if [[ "$(readlink "/proc/$pid/cwd")" == "$work"* ]]; then kill -9 "$pid" || true; fi
  done <"$work/pids"
  : >"$work/pids"
}
trap 'stop_servers; rm -rf "$work"' EXIT

# The program that the suites start: first on the PATH, and it becomes the server, so that its pid is the server's.
case $server in
  heddle) command="sh '$root/src/heddle.sh' --ignore-unsupported" ;;
  nats-server) command="'$root/.peers/bin/nats-server'" ;;
  *) echo "unknown server: $server" >&2; exit 2 ;;
esac
mkdir "$work/bin" "$work/tmp"
printf '#!/bin/sh\necho $$ >>"%s/pids"\nexec %s "$@"\n' "$work" "$command" >"$work/bin/nats-server"
chmod +x "$work/bin/nats-server"

deno=${DENO:-$(command -v deno || true)}
if [ -z "$deno" ]; then
  npm install --silent --no-save --ignore-scripts --prefix "$work/deno" deno@2.9.6
  deno=$(echo "$work"/deno/node_modules/@deno/*/deno)
fi
npm install --silent --no-save --ignore-scripts --prefix "$work/packages" js-sha256@0.11.1

# The sources of the client and its suites; the packages they import are ours, and the shims for those not in npm.
parts=(core jetstream kv obj services)
for part in "${parts[@]}" nst transport-deno transport-node; do cp -R "$checkout/$part" "$work/$part"; done
rm -f "$work"/*/deno.json "$work"/*/import_map.json
# The suites for Node start all servers of a file at once, each to be there within 5 s: too much for a small machine.
# Nor two at a time: they share one configuration, into which a server that stops writes its port.
sed -i 's/concurrency: true/concurrency: 1/' "$work"/transport-node/tests/*.js
# A server is to be there within 5 s, and routes between servers too: the same.
sed -i 's/^\( *\)5000,$/\130_000,/; s/Date.now() + 5000/Date.now() + 30_000/' "$work/nst/src/launcher.ts"
modules=$root/node_modules/@nats-io
version_of() { sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$1/package.json"; }
if [ "$(version_of "$checkout/transport-node")" != "$(version_of "$modules/transport-node")" ]; then
  echo "the checkout is of version $(version_of "$checkout/transport-node")," \
    "our @nats-io/transport-node of $(version_of "$modules/transport-node")" >&2
  exit 2
fi
cp -R "$modules/transport-node/lib" "$work/transport-node/lib"
mkdir -p "$work/node_modules/@nats-io"
for name in jwt nats-core nkeys nuid; do ln -s "$modules/$name" "$work/node_modules/@nats-io/$name"; done
ln -s "$work/nst" "$work/node_modules/@nats-io/nst"
ln -s "$work/packages/node_modules/js-sha256" "$work/node_modules/js-sha256"
printf '{"name":"@nats-io/nst","type":"module","exports":"./src/mod.ts"}\n' >"$work/nst/package.json"
cp -R "$here/shims" "$here/nats-js-imports.json" "$here/nats-js-deadline.ts" "$work/"
for part in "${parts[@]}"; do rm -f "$work/$part/package.json"; done
printf '{"dependencies":{"@nats-io/jwt":"*","@nats-io/nkeys":"*","@nats-io/nuid":"*","js-sha256":"*"}}\n' \
  >"$work/package.json"

cd "$work"
export PATH="$work/bin:$PATH" TMPDIR="$work/tmp" NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 DENO_DIR="$work/deno-cache"
: >results

# Runs one file's tests: `run_file FILE COMMAND...`, whose output is TAP. Appends "ok NAME" or "not ok NAME" to results.
run_file() {
  local file=$1
  shift
  local code=0
  # The suites for Node look for their certificates from their own folder.
  if [[ $file == *.js ]]; then cd "$work/transport-node"; fi
  timeout --kill-after=5 "$seconds_a_file" "$@" "$work/$file" >"$work/output" 2>"$work/errors" </dev/null || code=$?
  cd "$work"
  cat output errors >>"${LOG:-/dev/null}"
  # A suite's own line is dropped: it counts the tests within once more. So are the steps of a test.
  awk '
    /^ *(not )?ok [0-9]+ - / { if (last != "") print last; last = ""
      if ($0 !~ /# SKIP/) { sub(/^ */, ""); sub(/ok [0-9]+ - /, "ok "); sub(/ # .*$/, ""); last = $0 } }
    /type: .suite./ { last = "" }
    END { if (last != "") print last }' output >found
  cat found >>results
  if [ "$code" = 124 ] || [ "$code" = 137 ]; then
    echo "not ok $file (did not end within $seconds_a_file s)" >>results
  elif [ "$code" != 0 ] && ! grep -q '^not ok' found; then
    echo "not ok $file (could not be run)" >>results
    tail -20 errors >&2
  fi
  stop_servers
}

deno_test=("$deno" test --allow-all --no-check --quiet --reporter=tap
  --node-modules-dir=manual --no-lock --import-map=nats-js-imports.json
  --preload=nats-js-deadline.ts)
only=${ONLY:-.}
for part in "${parts[@]}"; do
  for file in "$part"/tests/*_test.ts; do
    if [[ $file =~ $only && $file != */buffer_test.ts ]]; then run_file "$file" "${deno_test[@]}"; fi
  done
done
for file in core/unsafe_tests/*_test.ts; do
  if [[ $file =~ $only ]]; then run_file "$file" "${deno_test[@]}" --unsafely-ignore-certificate-errors; fi
done
for file in transport-node/tests/*_test.js; do
  if [[ $file =~ $only && $file != */jetstream_test.js ]]; then
    run_file "$file" sh "$root/src/node.sh" --test --test-force-exit --test-reporter=tap
  fi
done

echo "$(grep -c '^ok' results || true) passed, $(grep -c '^not ok' results || true) failed"
unknown=0
while read -r name; do
  reason=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$here/nats-js-known.txt")
  if [ -z "$reason" ]; then unknown=1; fi
  echo "  $name${reason:+: $reason}"
done < <(sed -n 's/^not ok //p' results)
[ "$server" != heddle ] || exit "$unknown"
