#!/usr/bin/env bash
# Installs the system packages that Dunning links with ("run"), those that only
# its tests use ("test") and those that notebooks need ("notebooks"). Does
# nothing where they are there already, and says what to install where apt-get
# is missing.
set -euo pipefail

run_packages=(g++ pkg-config coinor-libclp-dev libxgboost-dev)
test_packages=(coinor-clp postgresql chromium)
notebooks_packages=(jupyter-notebook jupyter-nbconvert)

wanted=()
for group in "$@"; do
  case "$group" in
    run) wanted+=("${run_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    notebooks) wanted+=("${notebooks_packages[@]}") ;;
    *) echo "install-packages: unknown group '$group' (have run, test, notebooks)" >&2; exit 2 ;;
  esac
done

if ! command -v go >/dev/null; then
  echo "install-packages: Go 1.26 or newer is needed first: https://go.dev/dl" >&2
  exit 1
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  # Elsewhere than Debian: go on if the libraries can be found, else say what to install.
  if pkg-config --exists clp 2>/dev/null && echo '#include <xgboost/c_api.h>' | cc -E - >/dev/null 2>&1; then
    exit 0
  fi
  cat >&2 <<'MSG'
install-packages: this is not a Debian system. Please install, with your own package tool:
  - a C++ compiler and pkg-config
  - COIN-OR CLP with headers       (Fedora: coin-or-Clp-devel, Homebrew: clp)
  - XGBoost 1.7 with its C header  (Homebrew: xgboost; or build libxgboost from source)
  - for the tests only: the clp command, PostgreSQL's server programs and Chromium
  - for notebooks only: Jupyter with nbconvert
MSG
  exit 1
fi

missing=()
for p in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null; then as_root=(sudo); else
    echo "install-packages: run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
