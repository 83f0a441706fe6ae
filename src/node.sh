#!/bin/sh
# Runs the Node that the project pins, whatever `node` the machine has: `src/node.sh FILE ARGUMENTS`.
# The pinned Node is a dependency, so it lies in the nearest node_modules above this file (npm does not always link it
# into .bin); without one, PATH decides. The process that was started becomes Node (exec).
root=$(cd "$(dirname "$0")/.." && pwd -P)
dir=$root
node=node
while :; do
  for candidate in "$dir"/node_modules/node-*/bin/node; do
    if [ -x "$candidate" ]; then
      node=$candidate
      break 2
    fi
  done
  [ "$dir" = / ] && break
  dir=$(dirname "$dir")
done
# What Node makes of the sources, kept for the next start beside them. Named by the environment, as it must be known
# before the first file is read: whoever turns it on by code has been compiled by then, and so has each thread's entry.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/.cache}"
# malloc gives each thread memory of its own, and keeps what a start took: some 3 MiB a shard.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-65536}"
exec "$node" "$@"
