#!/bin/sh
# After an installation: builds what is run (in a checkout), then starts the server once, has it serve a client, and
# ends it in order, so that the first start that a user waits for finds everything compiled (NODE_COMPILE_CACHE in
# node.sh). An installation never fails by it.
src=$(dirname "$0")
if [ -f "$src/main.ts" ] && [ -d "$src/../node_modules/rolldown" ]; then
  sh "$src/build.sh" >/dev/null 2>&1
fi
log=$(mktemp) || exit 0
sh "$src/heddle.sh" --addr 127.0.0.1 --port -1 --log "$log" >/dev/null 2>&1 &
server=$!
tries=100
until grep -q 'Server is ready' "$log" || [ $tries -eq 0 ] || ! kill -0 $server 2>/dev/null; do
  tries=$((tries - 1))
  sleep 0.1
done
port=$(sed -n 's/.*Listening for client connections on 127\.0\.0\.1://p' "$log")
# What a service and its client send, so that the code of these verbs is compiled before the cache is written.
sh "$src/node.sh" -e '
  const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1")
  const end = () => process.exit(0)
  socket.on("error", end).on("close", end).setTimeout(5000, end)
  socket.on("data", (bytes) => { if (bytes.includes("PONG")) setTimeout(end, 1000) })
  socket.write("CONNECT {\"headers\":true,\"no_responders\":true}\r\nSUB a.* 1\r\nSUB b.> q 2\r\n")
  for (let i = 0; i < 100; i++) socket.write("PUB a.b c 2\r\nhi\r\nHPUB b.c 12 12\r\nNATS/1.0\r\n\r\n\r\n")
  socket.write("UNSUB 1\r\nPING\r\n")
' "${port:-0}" >/dev/null 2>&1
kill $server 2>/dev/null
wait $server 2>/dev/null
rm -f "$log"
exit 0
