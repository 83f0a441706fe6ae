#!/bin/sh
# The `heddle` command: the process that is started becomes the server (exec), on the Node that the project pins.
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
root=$(cd "$(dirname "$self")/.." && pwd -P)

# A package holds the built files; a checkout runs its sources. SIGUSR1 is for the log, not for Node's debugger.
if [ -f "$root/src/boot.ts" ]; then
  exec sh "$root/src/node.sh" --disable-sigusr1 "$root/src/boot.ts" "$@"
fi
exec sh "$root/src/node.sh" --disable-sigusr1 "$root/dist/src/boot.js" "$@"
