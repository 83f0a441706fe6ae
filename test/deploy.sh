#!/usr/bin/env bash
# The files of docs/deploy, as far as a machine without containers can try them: the image's files are assembled by the
# commands of the Dockerfile, and its command, health check and stop run in that folder alone, as the user of the image.
# Linux only, and only for root (chroot).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
  echo 'skipped: needs Linux and root'
  exit 0
fi
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT
image=$work/image

sh src/build.sh
sed -n '/mkdir --parents/,/docs.deploy.nats-server/p' docs/deploy/Dockerfile |
  sed -e "s|/image|$image|g" -e '1s/&&//' -e 's/\\$/\\/' >"$work/assemble"
command -v strip >/dev/null || sed -i 's/strip -o \([^ ]*\) \([^ ]*\)/cp \2 \1/' "$work/assemble"
sh -e "$work/assemble"
[ "$(du -sm "$image" | cut -f1)" -le 126 ] || ! command -v strip >/dev/null

# What the base image has: the C and C++ libraries, and devices.
ldd "$image/usr/local/bin/node" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$image/$(dirname "$library")"
  cp -L "$library" "$image/$library"
done
mkdir -p "$image/dev" "$image/etc" "$image/run"
mknod -m 666 "$image/dev/null" c 1 3
mknod -m 666 "$image/dev/urandom" c 1 9
chown 65532:65532 "$image/run"
sed 's/^http_port.*/http_port: -1\nport: -1\npid_file: "\/run\/nats.pid"\nlogfile: "\/run\/log"/' docs/deploy/heddle.conf \
  >"$image/etc/heddle.conf"

in_image() { env -i PATH=/usr/local/bin:/bin "$(command -v chroot)" --userspec=65532:65532 "$image" "$@"; }
in_image nats-server --config /etc/heddle.conf &
server=$!
for _ in $(seq 300); do
  grep -qs 'Server is ready' "$image/run/log" && break
  sleep 0.1
done
port=$(sed -n 's/.*http monitor on .*:\([0-9]*\)$/\1/p' "$image/run/log")
health=$(sed -n 's/.*"-e", "\(.*\)"\]$/\1/p' docs/deploy/Dockerfile)
[ -n "$health" ]
in_image node -e "${health/8222/$port}"
# The stop of the chart, after which nothing is healthy.
in_image nats-server -sl=ldm=/run/nats.pid
wait "$server"
server=
if in_image node -e "${health/8222/$port}" 2>/dev/null; then exit 1; fi

if command -v systemd-analyze >/dev/null; then
  sed "s|/usr/local/bin/heddle|$PWD/src/heddle.sh|" docs/deploy/heddle.service >"$work/heddle.service"
  systemd-analyze verify --man=no "$work/heddle.service"
fi
if python3 -c 'import yaml' 2>/dev/null; then
  python3 -c 'import sys, yaml; [yaml.safe_load(open(file)) for file in sys.argv[1:]]' docs/deploy/*.yaml
fi
echo 'the deployment files work'
