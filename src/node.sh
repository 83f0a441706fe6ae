#!/bin/sh
# Runs the Node that the project pins, whatever `node` the machine has: `src/node.sh FILE ARGUMENTS`. Where it is not
# installed (runtime/install.sh), PATH decides. The process that was started becomes Node (exec).
root=$(cd "$(dirname "$0")/.." && pwd -P)
node=$(echo "$root"/node_modules/.node/node_modules/node-*/bin/node)
[ -x "$node" ] || node=node
# What Node makes of the sources, kept for the next start beside them. Named by the environment, as it must be known
# before the first file is read: whoever turns it on by code has been compiled by then, and so has each thread's entry.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/.cache}"
# malloc gives each thread memory of its own, and keeps what a start took: some 3 MiB a shard.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-65536}"
exec "$node" "$@"
