#!/bin/sh
# After an installation: starts the server once and ends it in order, so that the first start that somebody waits for
# finds everything compiled (NODE_COMPILE_CACHE in node.sh). An installation never fails by it.
heddle=$(dirname "$0")/heddle.sh
log=$(mktemp) || exit 0
sh "$heddle" --addr 127.0.0.1 --port -1 --log "$log" >/dev/null 2>&1 &
server=$!
tries=100
until grep -q 'Server is ready' "$log" || [ $tries -eq 0 ] || ! kill -0 $server 2>/dev/null; do
  tries=$((tries - 1))
  sleep 0.1
done
kill $server 2>/dev/null
wait $server 2>/dev/null
rm -f "$log"
exit 0
