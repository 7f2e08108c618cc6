# Sourced by examples/run, tests/run and .ci/run: installs what is missing on Debian and Ubuntu,
# configures a Release build and builds quietly. GRADTAPE_BUILD_DIR chooses another build folder,
# GRADTAPE_CMAKE_ARGS adds options (-DGRADTAPE_ONEDNN=OFF).

gradtape_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gradtape_build=${GRADTAPE_BUILD_DIR:-$gradtape_root/build}

# gradtape_packages MANAGER [NAME...]: what MANAGER calls the packages of those names, or of all.
gradtape_packages() {
  local manager=$1 wanted=" ${*:2} "
  awk -v manager="$manager" -v wanted="$wanted" '
    $1 == "#" && $2 == "name" { for (i = 3; i <= NF; ++i) if ($i == manager) column = i - 1 }
    /^[^#]/ && (wanted ~ /^ +$/ || index(wanted, " " $1 " ")) && $column != "-" {
      printf "%s%s", separator, $column; separator = " " }' "$gradtape_root/cmake/packages.txt"
}

gradtape_explain_missing() {
  local names=$1
  {
    echo "gradtape needs packages that are missing here: ${names// /, }."
    echo "Install them with one of"
    # shellcheck disable=SC2086
    printf '  %s %s\n' \
      "sudo apt-get install" "$(gradtape_packages apt $names)" \
      "sudo dnf install" "$(gradtape_packages dnf $names)" \
      "sudo pacman -S" "$(gradtape_packages pacman $names)" \
      "brew install" "$(gradtape_packages brew $names)" \
      "vcpkg install" "$(gradtape_packages vcpkg $names)"
    echo "Header libraries that a package manager lacks are downloaded when the machine is online."
  } >&2
}

# gradtape_apt_missing: the apt packages of the list, and of $gradtape_extra_apt_packages, that are
# not installed here.
gradtape_apt_missing() {
  local package machine
  machine=$(dpkg --print-architecture)
  for package in $(gradtape_packages apt) ${gradtape_extra_apt_packages:-}; do
    [[ $package == g++ ]] && gradtape_compiler >/dev/null && continue
    dpkg-query -W -f='${Architecture} ${db:Status-Status}\n' "$package" 2>/dev/null |
      grep -xE "(all|$machine) installed" >/dev/null && continue
    [[ $package == pkg-config ]] && command -v pkg-config >/dev/null && continue
    [[ $package == cmake ]] && command -v cmake >/dev/null && continue
    # wanted, not needed: some architectures lack it
    [[ $package == libdnnl-dev ]] && ! apt-cache show "$package" >/dev/null 2>&1 && continue
    echo "$package"
  done
}

gradtape_compiler() {
  local compiler
  for compiler in ${CXX:-} c++ g++ clang++; do
    command -v "$compiler" && return
  done
  return 1
}

# gradtape_compilers: every C++ compiler that is found, each once.
gradtape_compilers() {
  local name path
  for name in "$(gradtape_compiler)" g++ g++-12 g++-13 g++-14 clang++ clang++-14 clang++-16 clang++-19; do
    if path=$(command -v "$name"); then readlink -f "$path"; fi
  done | sort -u
}

# gradtape_has_header HEADER...: whether the compiler finds one of them.
gradtape_has_header() {
  local header compiler
  compiler=$(gradtape_compiler) || return 1
  for header; do
    echo "#include <$header>" | "$compiler" -E -x c++ -std=c++20 - >/dev/null 2>&1 && return
  done
  return 1
}

# gradtape_missing: the names of packages.txt that this machine seems to lack, found without dpkg.
gradtape_missing() {
  gradtape_compiler >/dev/null || echo compiler
  command -v cmake >/dev/null || echo cmake
  command -v ninja >/dev/null || command -v make >/dev/null || echo ninja
  gradtape_has_header xtensor/xtensor_config.hpp xtensor/core/xtensor_config.hpp || echo xtensor
  gradtape_has_header xtensor-blas/xlinalg.hpp || echo xtensor-blas
  gradtape_has_header xsimd/xsimd.hpp || echo xsimd
  gradtape_has_header fmt/core.h || echo fmt
  gradtape_has_header doctest/doctest.h || echo doctest
  gradtape_has_header cblas.h cblas-openblas.h openblas/cblas.h openblas-openmp/cblas.h || echo openblas
  gradtape_has_header zlib.h || echo zlib
  gradtape_has_header nlohmann/json.hpp || echo nlohmann-json
}

# gradtape_install: installs the missing packages where apt-get and the right to use it are here.
# Elsewhere it stops only for want of a tool: for libraries, CMake looks further and downloads.
gradtape_install() {
  local missing sudo=() log="$gradtape_build/install.log"
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    missing=$(gradtape_apt_missing)
    [[ -z $missing ]] && return
    if [[ $(id -u) != 0 ]]; then
      sudo=(sudo)
      # never wait for a password where nobody can type one
      [[ -t 0 ]] || sudo=(sudo -n)
    fi
    if [[ $(id -u) == 0 ]] || { command -v sudo >/dev/null && "${sudo[@]}" true 2>/dev/null; }; then
      mkdir -p "$gradtape_build"
      echo "installing:" $missing
      # shellcheck disable=SC2086
      if { "${sudo[@]}" apt-get update || true
           "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
             --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        return
      fi
      tail -n 20 "$log" >&2
    fi
  fi
  missing=$(gradtape_missing | tr '\n' ' ')
  if [[ " $missing" == *" compiler "* || " $missing" == *" cmake "* || " $missing" == *" ninja "* ]]; then
    gradtape_explain_missing "${missing% }"
    return 1
  fi
}

# gradtape_quietly LOG COMMAND...: runs it, and prints the end of its output only if it fails; of a
# build, on a terminal, also how far it is.
gradtape_quietly() {
  local log=$1
  shift
  if ! "$@" 2>&1 </dev/null | tee "$log" | gradtape_progress; then
    if grep -q 'gradtape needs packages' "$log"; then
      sed -n '/gradtape needs packages/,/GRADTAPE_FETCH/{/./{s/^  //;p;};}' "$log" >&2
    else
      # errors first: with several jobs the end of the log may be somebody else's
      grep -E -A 6 '(error|Error|FAILED|undefined reference)[: ]' "$log" | head -n 60 >&2 || true
      tail -n 15 "$log" >&2
    fi
    echo "failed: $* (log: $log)" >&2
    return 1
  fi
}

# gradtape_progress: reads a build's output, and keeps one line of the terminal at
# `building  57/170  autograd/ops/matmul.cpp`.
gradtape_progress() {
  if [[ ! -t 1 || ${TERM:-dumb} == dumb ]]; then
    cat >/dev/null
    return
  fi
  local line done what width
  local pattern='^\[ *([0-9]+/[0-9]+|[0-9]+%)\] (.*)$' # Ninja's, Make's
  while IFS= read -r line; do
    [[ $line =~ $pattern ]] || continue
    done=${BASH_REMATCH[1]}
    what=${BASH_REMATCH[2]#Building CXX object }
    what=${what/CMakeFiles\/*.dir\//} # the folder of the target's objects
    [[ $what == Re-checking* ]] && continue
    width=$(stty size <&1 2>/dev/null | cut -d ' ' -f 2)
    line=$(printf 'building %9s  %s' "$done" "${what%.o}")
    printf '\r\033[K%s' "${line:0:$((${width:-80} - 1))}"
  done
  printf '\r\033[K'
}

# gradtape_configure: a Release build in the build folder.
gradtape_configure() {
  local generator=() extra=()
  mkdir -p "$gradtape_build"
  if [[ ! -f $gradtape_build/CMakeCache.txt ]] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  read -r -a extra <<<"${GRADTAPE_CMAKE_ARGS:-}"
  gradtape_quietly "$gradtape_build/configure.log" \
    cmake -S "$gradtape_root" -B "$gradtape_build" "${generator[@]}" \
    -DCMAKE_BUILD_TYPE=Release "${extra[@]}"
}

# gradtape_build TARGET...
gradtape_build() {
  local start=$SECONDS jobs
  jobs=$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
  gradtape_quietly "$gradtape_build/build.log" \
    cmake --build "$gradtape_build" --parallel "$jobs" --target "$@"
  if ((SECONDS - start > 5)); then
    echo "built $* in $((SECONDS - start)) s"
  fi
}

# gradtape_setup TARGET...: everything up to those targets.
gradtape_setup() {
  gradtape_install
  if [[ ! -f $gradtape_build/build.log ]]; then
    echo "building in $gradtape_build (the first build takes a few minutes) ..."
  fi
  gradtape_configure
  gradtape_build "$@"
}
