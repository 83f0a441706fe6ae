#!/usr/bin/env bash
# Installs the real NATS programs and clients our tests compare against into
# the git-ignored folder .peers/. Needs no root. Whatever cannot be had is
# named and skipped, so that the tests that do not need it can still run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=$(cd "$here/../.." && pwd)/.peers
mkdir -p "$peers/bin" "$peers/log" "$peers/stamp"
trap 'rm -f "$peers"/bin/*.new.$$' EXIT
cd "$here"

# A workspace file further up must not change what is built; without cgo no C
# compiler is needed, and it is how the released binaries are built.
export GOWORK=off CGO_ENABLED=0

# The pins as a whole: a changed dependency must rebuild too.
pins=$(cat go.mod go.sum | cksum | cut -d' ' -f1)

# skip NAME [WHY]: without WHY, the first line of NAME's log that is an error
# rather than progress, a package heading or a retry.
skip() {
  local name=$1 why=${2-}
  if [[ -z $why ]]; then
    why=$(grep -Ev '^(go: downloading|go: errors parsing|#|WARNING|$)' "$peers/log/$name" |
      head -n 1 || true)
    why+=" (see .peers/log/$name)"
  fi
  echo "peers: $name skipped: $why"
}

# go_tool NAME MODULE PACKAGE: builds PACKAGE at the version go.mod gives MODULE.
go_tool() {
  local name=$1 module=$2 package=$3
  local bin=$peers/bin/$name stamp=$peers/stamp/$name log=$peers/log/$name
  local version want new
  version=$(awk -v m="$module" '$1 == m && $2 ~ /^v/ { print $2; exit }' go.mod)
  want="$version $pins"
  if [[ -x $bin && -f $stamp && $(<"$stamp") == "$want" ]]; then return; fi

  # `go install pkg@version` asks the proxy for a list of versions, which it
  # refuses for some of these modules; a build from go.mod and go.sum does not.
  # Built aside and moved into place, as the old one may be running.
  new=$bin.new.$$
  if ! command -v go >/dev/null; then
    skip "$name" 'go is not installed'
  elif nice go build -mod=readonly -ldflags "-X main.version=${version#v}" \
    -o "$new" "$package" >"$log" 2>&1; then
    rm -f "$stamp" # a move cut short must not leave the old stamp valid
    mv -f "$new" "$bin"
    echo "$want" >"$stamp"
  else
    skip "$name"
  fi
}

# Without a Go that can build it, the distribution's server is better than none.
# No stamp: once there is a Go, the pinned one replaces it.
server_from_path() {
  local found
  [[ -x $peers/bin/nats-server ]] && return
  found=$(command -v nats-server) || return 0
  ln -sf "$found" "$peers/bin/nats-server"
  echo "peers: nats-server linked to the one on PATH instead"
}

python_venv() {
  local venv=$peers/venv stamp=$peers/stamp/venv log=$peers/log/venv want
  want=$(grep -v '^#' requirements.txt)
  # Run, not just looked for: an upgrade of the system's Python breaks a venv.
  if [[ -f $stamp && $(<"$stamp") == "$want" ]] &&
    "$venv/bin/python" -c '' 2>/dev/null; then return; fi
  if ! command -v python3 >/dev/null; then
    skip venv 'python3 is not installed'
    return
  fi
  rm -f "$stamp"
  # A venv left without pip, as Debian's python3 without python3-venv makes, is
  # made anew; any other is kept, so that a failed update leaves the old clients.
  if { "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
    nice python3 -m venv --clear "$venv" >"$log" 2>&1; } &&
    nice "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      -r requirements.txt >"$log" 2>&1; then
    echo "$want" >"$stamp"
  else
    skip venv
  fi
}

# Chromium, which drives the dashboard in tests: the distribution's own, or the same packages with what they need,
# unpacked into .peers/chromium and used from there. Debian and its like only.
chromium_files() {
  local home=$peers/chromium log=$peers/log/chromium packages new
  command -v chromium >/dev/null && return
  [[ -x $home/usr/lib/chromium/chromium ]] && return
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    skip chromium 'there is no chromium, and no apt to get it with'
    return
  fi
  # What an installation would fetch; simulated, so that nobody needs to be root.
  packages=$(apt-get --simulate --no-install-recommends -qq install chromium 2>"$log" | awk '/^Inst/ { print $2 }')
  new=$home.new.$$
  rm -rf "$new" && mkdir -p "$new/packages"
  if [[ -n $packages ]] && (cd "$new/packages" && apt-get -qq download $packages) >>"$log" 2>&1 &&
    (for package in "$new"/packages/*.deb; do dpkg -x "$package" "$new" || exit 1; done) >>"$log" 2>&1; then
    rm -rf "$new/packages" "$home"
    mv "$new" "$home"
  else
    rm -rf "$new"
    skip chromium 'its packages could not be had (see .peers/log/chromium)'
  fi
}

# What is there, with its version where it is the pinned one.
list() {
  local file name out=
  for file in "$peers"/bin/*; do
    [[ -x $file ]] || continue
    name=${file##*/}
    if [[ -f $peers/stamp/$name ]]; then
      out+=", $name $(cut -d' ' -f1 "$peers/stamp/$name")"
    else
      out+=", $name (not the pinned one)"
    fi
  done
  if [[ -f $peers/stamp/venv ]]; then
    out+=", venv ($(tr '\n' ' ' <"$peers/stamp/venv" | sed 's/ $//'))"
  fi
  if [[ -x $peers/chromium/usr/lib/chromium/chromium ]]; then out+=", chromium (unpacked)"; fi
  out=${out#, }
  echo "peers: installed: ${out:-nothing}"
}

go_tool nats-server github.com/nats-io/nats-server/v2 github.com/nats-io/nats-server/v2
server_from_path
go_tool nats github.com/nats-io/natscli github.com/nats-io/natscli/nats
go_tool nats-top github.com/nats-io/nats-top github.com/nats-io/nats-top
go_tool nats-bench github.com/nats-io/nats.go github.com/nats-io/nats.go/examples/nats-bench
python_venv
chromium_files
list
