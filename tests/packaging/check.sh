# Sourced by the run scripts of the folders beside it, which set $work, a folder for their files.

# generator: what makes CMake use Ninja, where it is.
generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi

# check WHAT COMMAND...: runs the command, in a shell of its own that ends at its first step that fails, and prints
# one line, `pass: WHAT` or, behind the end of its output, `fail: WHAT`.
check() {
  local what=$1 status
  shift
  set +e # in a condition, or before ||, `set -e` would have no effect inside
  (set -e; "$@") >"$work/log" 2>&1 </dev/null
  status=$?
  set -e
  if [[ $status == 0 ]]; then
    echo "pass: $what"
  else
    tail -n 40 "$work/log"
    echo "fail: $what"
  fi
}
