# Sourced by the scripts beside it: keeps the virtual environment .venv of this checkout.
# Not for the product: an installed iquila needs nothing of this.
#
#   iquila_environment run    what iquila needs to run
#   iquila_environment dev    that, and the tools that bin/test uses
#
# Afterwards $iquila_top is the checkout and $iquila_python the interpreter in .venv. Something is
# installed only when pyproject.toml, setup.py, the C source, constraints.txt, the interpreter, the
# compiler or the place of the checkout changed. Two scripts may call it at once.

iquila_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
iquila_venv=$iquila_top/.venv
iquila_python=$iquila_venv/bin/python

iquila_say() { printf '%s\n' "$*" >&2; }

# Print a Python that is new enough and can make environments, or fail. The system's own comes
# first: it is what operators have, and it is built for speed, which a version manager's often
# is not.
iquila_find_python() {
  local name path
  for name in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
    path=$(command -v "$name") || continue
    # A version manager's stand-in may exist and still not run.
    "$path" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
    printf '%s\n' "$path"
    return 0
  done
  return 1
}

# What a finished installation was made from; $1 is run or dev.
iquila_fingerprint() {
  printf '%s %s\n' "$1" "$iquila_top"
  command -v cc gcc # with a compiler that was not there before, the extension can be built
  cat "$iquila_top/pyproject.toml" "$iquila_top/setup.py" "$iquila_top/iquila/_native.c" \
    "$iquila_top/constraints.txt" | cksum
}

iquila_is_current() {
  [ "$(iquila_fingerprint "$1")" = "$(cat "$iquila_venv/.iquila-$1" 2>/dev/null)" ] &&
    "$iquila_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

iquila_make_venv() {
  local found
  # Scripts in an environment name its path: one that was moved here does not run.
  if grep -qsxF "$iquila_top" "$iquila_venv/.iquila-place" && "$iquila_python" -m pip --version >/dev/null 2>&1; then
    return 0
  fi
  if ! found=$(iquila_find_python); then
    iquila_say "iquila needs Python 3.11 or newer with its venv module, and none was found: install it (Debian, Ubuntu: apt-get install python3 python3-venv) and run this again."
    return 1
  fi
  iquila_say "Making a virtual environment in .venv with $("$found" --version)."
  "$found" -m venv --clear "$iquila_venv" && printf '%s\n' "$iquila_top" >"$iquila_venv/.iquila-place"
}

# Management clients of others, that system tests run against iquila. Each has a folder of its own:
# they share the name of their package. A test tells of one that could not be had.
iquila_install_peers() {
  local peer
  for peer in pysoftether==1.0.1 SoftEtherPy==1.2; do
    [ -e "$iquila_venv/peers/$peer" ] ||
      PIP_DISABLE_PIP_VERSION_CHECK=1 "$iquila_python" -m pip install --quiet --no-deps --use-pep517 \
        --target "$iquila_venv/peers/$peer" "$peer" </dev/null >&2 ||
      iquila_say "The management client $peer could not be installed: a system test will miss it."
  done
}

iquila_install() {
  local kind=$1 what=.
  iquila_make_venv || return 1
  iquila_is_current "$kind" && return 0 # another script did it while this one waited for the lock
  if [ "$kind" = dev ]; then
    what='.[dev]'
    iquila_say "Installing iquila and the development tools into .venv (about a minute, the first time only)."
  else
    iquila_say "Installing iquila into .venv (about half a minute, the first time only)."
  fi
  # From inside the checkout, so that no character of its path is read as an option or an extra.
  if ! (cd "$iquila_top" && PIP_DISABLE_PIP_VERSION_CHECK=1 \
      "$iquila_python" -m pip install --quiet -c constraints.txt -e "$what") </dev/null >&2; then
    iquila_say "The installation failed; the reason is above. A package index must be reachable. Nothing else was changed: run this again when it is."
    return 1
  fi
  [ "$kind" = run ] || iquila_install_peers
  iquila_fingerprint "$kind" >"$iquila_venv/.iquila-$kind"
  [ "$kind" = run ] || iquila_fingerprint run >"$iquila_venv/.iquila-run"
}

iquila_environment() {
  local kind=$1
  iquila_is_current "$kind" && return 0
  if ! [ -w "$iquila_top" ] || { [ -e "$iquila_venv" ] && ! [ -w "$iquila_venv" ]; }; then
    iquila_say "$iquila_top is not writable for $(id -un), so nothing can be installed there: use a checkout of your own."
    return 1
  fi
  if command -v flock >/dev/null 2>&1; then
    # The checkout itself is the lock: it exists, and nothing is left behind.
    { flock 9 && iquila_install "$kind"; } 9<"$iquila_top"
  else
    iquila_install "$kind"
  fi
}
