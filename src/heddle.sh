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

# A package holds the built files only. A checkout runs them too, as they start sooner, unless a source is newer. (Not
# with --disable-sigusr1, which would keep Node's debugger from that signal in the first moments: it keeps our handler
# from it too.)
main=$root/dist/src/main.cjs
if [ -f "$root/src/main.ts" ]; then
  if [ ! -f "$main" ] || [ -n "$(find "$root/src" "$root/workers" "$root/package.json" -newer "$main" -print -quit)" ]; then
    main=$root/src/main.ts
  fi
fi
exec sh "$root/src/node.sh" "$main" "$@"
