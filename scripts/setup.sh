#!/usr/bin/env bash
# Everything that the project needs, on Debian 12: GNU Radio and UHD from Debian, the rest in .venv at the versions of
# constraints.txt. Run it as often as you like: with nothing to do it ends at once. pip's own settings apply, so a CPU
# build of PyTorch is chosen with PIP_EXTRA_INDEX_URL (README, "A smaller PyTorch").
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
stamp=.venv/.semcom-setup
packages=(gnuradio uhd-host python3-venv)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 2
}

done_for=$({ printf '%s\n' "$root"; cat pyproject.toml constraints.txt scripts/setup.sh; } | sha256sum)
ready() { [[ -x .venv/bin/semcom && -f $stamp && $(<"$stamp") == "$done_for" ]]; }
ready && exit 0

release=$( . /etc/os-release 2>/dev/null && printf '%s %s' "${VERSION_CODENAME-}" "${DEBIAN_CODENAME-}") || release=
if [[ " $release " != *" bookworm "* ]] || ! command -v apt-get >/dev/null; then
    fail "this sets up Debian 12 (bookworm) only: elsewhere use the Dockerfile or the conda recipe, see README.md, 'Install elsewhere'."
fi

# `make demo` and `make test` started together take turns.
exec 9<scripts/setup.sh
flock 9
ready && exit 0

missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]})); then
    as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "Debian's ${missing[*]} must be installed by root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing Debian's ${missing[*]}"
    "${as_root[@]}" apt-get update -q || fail "apt-get update failed; its message is above"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends "${missing[@]}" \
        </dev/null || fail "apt-get could not install ${missing[*]}; its message is above"
fi

# The scripts of a copied or moved .venv name the folder that it was made in.
if [[ -d .venv ]] && ! grep -qsF "$root/.venv/bin/python" .venv/bin/pip; then
    say ".venv belongs to another folder or is incomplete: making it anew"
    rm -rf .venv
fi
[[ -d .venv ]] || /usr/bin/python3 -m venv --system-site-packages .venv || fail "could not make .venv"

python=.venv/bin/python
if [[ -z ${PIP_EXTRA_INDEX_URL-} ]] && ! command -v nvidia-smi >/dev/null && ! "$python" -c 'import torch' 2>/dev/null; then
    say "no NVIDIA GPU seen: PyTorch's default build brings 2.7 GB of CUDA; README.md, 'A smaller PyTorch', avoids it"
fi
say "installing the Python packages of constraints.txt into .venv"
# As a variable, not -c: so it binds the build's own environment too.
PIP_CONSTRAINT=constraints.txt "$python" -m pip install -q --disable-pip-version-check -e '.[dev,train]' </dev/null ||
    fail "pip failed; its message is above"
"$python" -c 'import gnuradio.gr, numpy, torch' ||
    fail "installed, but GNU Radio, numpy and torch do not load together; run .venv/bin/semcom doctor"
printf '%s\n' "$done_for" >"$stamp"
say "done"
