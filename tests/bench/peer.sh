# shellcheck shell=bash disable=SC2154 # variables of tests/bench/run
# Sourced by tests/bench/run: finds a LibTorch to compare with, tunes it, and compares gradients.

# bench_find_peer libtorch|FOLDER: prints the folder of the LibTorch to compare with; without one
# says so and fails.
bench_find_peer() {
  local found
  if [[ $1 != libtorch ]]; then
    [[ -f $1/include/torch/script.h ]] && echo "$1" && return
    echo "skipped: the peer, as there is no LibTorch in $1" >&2
    return 1
  fi
  found=$(bench_libtorchs | sort -V | tail -n 1 | cut -d ' ' -f 2-)
  if [[ -z $found ]]; then
    gradtape_extra_apt_packages=libtorch-dev gradtape_install >&2 || true
    found=$(bench_libtorchs | sort -V | tail -n 1 | cut -d ' ' -f 2-)
  fi
  [[ $found ]] && echo "$found" && return
  echo "skipped: the peer, as there is no LibTorch here (apt-get install libtorch-dev, or pip install torch)" >&2
  return 1
}

# bench_libtorchs: a line each: version, folder.
bench_libtorchs() {
  python3 -c 'import os, torch
print(torch.__version__.split("+")[0], os.path.dirname(os.path.dirname(torch.utils.cmake_prefix_path)))' 2>/dev/null || true
  if [[ -f /usr/include/torch/script.h ]]; then
    echo "$(dpkg-query -W -f='${Version}' libtorch-dev 2>/dev/null || echo 0) /usr"
  fi
}

# bench_tune_peer PROGRAM: sets $theirs to the command that runs it as fast as it goes.
bench_tune_peer() {
  theirs=(env MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296
    MALLOC_TOP_PAD_=268435456)
  grep -qw avx512f /proc/cpuinfo && theirs+=(ATEN_CPU_CAPABILITY=avx512)
  local folder
  for folder in /usr/lib/*/openblas-openmp; do
    [[ -d $folder ]] && theirs+=("LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")
  done
  # an OpenBLAS that is older than the CPU
  if grep -qw avx512f /proc/cpuinfo && "${theirs[@]}" "$1" about 1 | grep -qi Prescott; then
    theirs+=(OPENBLAS_CORETYPE=SkylakeX)
  fi
  theirs+=("$1")
}

# bench_about: when, on what and with what the table is made.
bench_about() {
  printf '# %s, %s, %s of %s cores, %s\n' "$(date +%F)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$threads" "$(nproc)" \
    "$(bench_compiler)"
  printf '# ours: %s%s\n' "$("${ours[@]}" about "$threads")" \
    "$(git -C "$gradtape_root" log -1 --format='; commit %h' 2>/dev/null || true)"
  [[ -z $peer ]] || printf '# peer: %s\n' "$("${theirs[@]}" about "$threads")"
}

bench_compiler() {
  "$(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$gradtape_build/CMakeCache.txt")" --version |
    head -n 1
}

# bench_compare_gradients: of all workloads on the list that both have. Rounding is allowed for: 3e-5
# of a tensor's norm in float32, 1e-9 in float64.
bench_compare_gradients() {
  local common=() name
  for name in "${workloads[@]}"; do
    ! grep -qxF "$name" "$work/their_list" || common+=("$name")
  done
  ((${#common[@]})) || return 0
  "${ours[@]}" check "$threads" 0 "${common[@]}" >"$work/our_check"
  "${theirs[@]}" check "$threads" 0 "${common[@]}" >"$work/their_check"
  awk -F '\t' '
    function far(a, b, scale) { return !((a - b) ^ 2 <= (tolerance * scale + 1e-9) ^ 2) }
    NR == FNR { ours[$1 "\t" $2] = $0; next }
    {
      key = $1 "\t" $2
      if (!(key in ours)) { print $1 ": we have no " $2; wrong = 1; next }
      ++compared
      split(ours[key], mine, "\t")
      delete ours[key]
      tolerance = $6 == "float64" ? 1e-9 : 3e-5
      if (mine[3] == $3 && mine[6] == $6 && !far(mine[4], $4, $4) && !far(mine[5], $5, $4)) next
      print $1 ": " $2 " differs: elements, norm and probe are " mine[3], mine[4], mine[5] \
        ", the peer'\''s " $3, $4, $5
      wrong = 1
    }
    END {
      for (key in ours) { print key ": the peer has none"; wrong = 1 }
      if (!wrong) print "compared " compared " values and gradients: the same on both sides"
      exit wrong
    }' "$work/our_check" "$work/their_check" >&2
}

# bench_profile NAME: where the time goes.
bench_profile() {
  if command -v perf >/dev/null &&
    perf record -q -o "$work/profile" "${ours[@]}" time "$threads" 5 "$1" >/dev/null 2>"$work/errors"; then
    # first by library, as code made at run time (oneDNN's) has no names
    local by
    for by in dso symbol; do
      perf report -i "$work/profile" --stdio --no-children --percent-limit 1 --sort "$by" 2>/dev/null |
        sed -E -e '/^(#|$)/d' -e 's/[- ]+$//' | cut -c 1-120
      echo
    done
  elif command -v valgrind >/dev/null; then
    # it knows no AVX-512: a build for fewer instructions is asked for there
    valgrind -q --tool=callgrind --callgrind-out-file="$work/profile" "${ours[@]}" time 1 0 "$1" >&2
    callgrind_annotate "$work/profile" | head -n 60
  else
    cat "$work/errors" >&2
    echo "skipped: the profile of $1, as there is neither perf nor valgrind here" >&2
  fi
}
