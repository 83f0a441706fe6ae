#!/bin/sh
# Runs the Node that the project pins, whatever `node` the machine has: `src/node.sh FILE ARGUMENTS`.
# The pinned Node is a dependency, so it lies in the nearest node_modules above this file (npm does not always link it
# into .bin); without one, PATH decides. The process that was started becomes Node (exec).
dir=$(cd "$(dirname "$0")/.." && pwd -P)
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
exec "$node" "$@"
