#!/bin/sh
# The `heddle` command: the process that is started becomes the server (exec), on the Node that the project pins.
# The pinned Node is a dependency, so it lies in the nearest node_modules above this file; without one, PATH decides.
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
root=$(cd "$(dirname "$self")/.." && pwd -P)

node=node
dir=$root
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

# A package holds the built files; a checkout runs its sources.
if [ -f "$root/src/main.ts" ]; then
  exec "$node" "$root/src/main.ts" "$@"
fi
exec "$node" "$root/dist/src/main.js" "$@"
