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

# A package holds the built files; a checkout runs its sources. (Not with --disable-sigusr1, which would keep Node's
# debugger from that signal in the first moments: it keeps our handler from it too.)
if [ -f "$root/src/main.ts" ]; then
  exec sh "$root/src/node.sh" "$root/src/main.ts" "$@"
fi
exec sh "$root/src/node.sh" "$root/dist/src/main.js" "$@"
