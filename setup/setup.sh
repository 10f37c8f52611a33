#!/usr/bin/env bash
# Installs the npm packages of the lockfile and hands over to setup/main.ts for TensorFlow. Safe to run again.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

stop() {
  printf '\nset-up stopped: %s\n→ %s\n' "$1" "$2" >&2
  exit 69
}

command -v npm >/dev/null || stop 'npm is missing.' 'Install Node.js 20 or newer with npm; carpal installs the Node that it runs on.'

installed=node_modules/.carpal-lock
if ! cmp -s package-lock.json "$installed"; then
  echo '  installing npm packages (some minutes on a slow connection)'
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # Install scripts stay off, except for the pinned Node itself: tfjs's would download a TensorFlow of 2022. Packages that require a newer Node than
  # npm's own are fine: they run on the pinned Node.
  if ! { npm ci --ignore-scripts --no-engine-strict --no-audit --no-fund --loglevel=error && npm rebuild node --foreground-scripts --loglevel=error; } >"$log" 2>&1; then
    grep -vE '^npm (warn|error *$)' "$log" | head -n 15 >&2
    stop 'npm could not install the packages.' 'Is the machine online? Behind a mirror, set npm'"'"'s registry and run make setup again.'
  fi
  cp package-lock.json "$installed"
fi
[ -x node_modules/node/bin/node ] || stop 'the pinned Node did not install.' 'Remove node_modules and run make setup again.'

node_modules/node/bin/node setup/main.ts
