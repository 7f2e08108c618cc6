#!/usr/bin/env python3
"""check.py ROOT RELEASE: the recipes of cmake/packaging and those that `release` made in RELEASE.

Prints a line `pass: ` or `fail: ` a check: the version is that of CMakeLists.txt, and what is built from is what
cmake/packages.txt lists, by that manager's names.
"""
import ast
import json
import pathlib
import re
import subprocess
import sys

root, release = map(pathlib.Path, sys.argv[1:])
recipes = root / "cmake/packaging"
project = (root / "CMakeLists.txt").read_text()
version = re.search(r"^ *VERSION ([0-9.]+)", project, re.M)[1]
homepage = re.search(r"^ *HOMEPAGE_URL (\S+)", project, re.M)[1]
minor = ".".join(version.split(".")[:2])

# What the library is built from: packages.txt without tools, and without what only tests need.
TOOLS = {"compiler", "cmake", "ninja", "ccache", "pkg-config", "doctest"}
rows = [line.split() for line in (root / "cmake/packages.txt").read_text().splitlines()]
header = next(row[1:] for row in rows if row[:2] == ["#", "name"])
packages = {row[0]: dict(zip(header, row)) for row in rows if row and row[0] != "#" and row[0] not in TOOLS}


def verdict(what, wrong):
    if wrong:
        print(wrong)
    print(("fail: " if wrong else "pass: ") + what)


def same(what, got, renamed=(), column="name"):
    """renamed: the manager's names where packages.txt has no column for it."""
    renamed = dict(renamed)
    want = {renamed.get(name, package[column]) for name, package in packages.items()} - {None}
    want = set().union(*(name if isinstance(name, tuple) else (name,) for name in want))
    got = set(got)
    missing, extra = sorted(want - got), sorted(got - want)
    verdict(f"{what}: dependencies are those of cmake/packages.txt",
            (f"missing: {missing} " if missing else "") + (f"not in the list: {extra}" if extra else ""))


def named(what, *texts):
    """Each text, a field that repeats the project's, is what it should be."""
    wrong = [f"{got!r} should be {want!r}" for got, want in texts if got != want]
    verdict(f"{what}: version, licence and homepage are the project's", "; ".join(wrong))


def found(pattern, text):
    match = re.search(pattern, text, re.M)
    return match[1] if match else None


# Debian
control = (recipes / "debian/control").read_text()
changelog = (recipes / "debian/changelog").read_text()
build = control[control.index("Build-Depends:"):control.index("Standards-Version:")]
same("Debian", [line.split()[0].rstrip(",") for line in build.splitlines()[1:]
                if not re.match(r" (debhelper|cmake)", line)], column="apt")
named("Debian", (found(r"^gradtape \(([0-9.]+)\+ds-", changelog), version), (found(r"^Homepage: (.*)", control), homepage),
      (found(r"^License: (.*)", (recipes / "debian/copyright").read_text()), "BSD-3-Clause"))
symbols = f"libgradtape{minor}.symbols"
texts = [(recipes / "debian" / symbols).read_text() if (recipes / "debian" / symbols).exists() else ""]
verdict("Debian: the package of libraries is called by their soname",
        "" if f"Package: libgradtape{minor}\n" in control and texts[0].count(f".so.{minor} libgradtape{minor}") == 3
        else f"not all of {symbols} is about libgradtape{minor}")

# vcpkg
port = json.loads((release / "vcpkg/vcpkg.json").read_text())
lists = [port["dependencies"]] + [feature.get("dependencies", []) for feature in port["features"].values()]
names = [[d if isinstance(d, str) else d["name"] for d in items] for items in lists]
same("vcpkg", {name for items in names for name in items} - {"vcpkg-cmake", "vcpkg-cmake-config", "lapack", "gradtape"},
     column="vcpkg")
named("vcpkg", (port["version"], version), (port["license"], "BSD-3-Clause"), (port["homepage"], homepage))
verdict("vcpkg: lists are sorted, as its format-manifest writes them",
        "".join(f"{items}\n" for items in names if items != sorted(items)))

# Conan
text = (recipes / "conan/conanfile.py").read_text()
ast.parse(text)
same("Conan", re.findall(r'requires\("([^/]+)/', text) + re.findall(r"^(\S+):$", (recipes / "conan/conandata.yml").read_text(), re.M),
     {"nlohmann-json": "nlohmann_json"})
named("Conan", (found(r'^    license = "(.*)"', text), "BSD-3-Clause"), (found(r'^    homepage = "(.*)"', text), homepage))

# Spack
text = (release / "spack/packages/gradtape/package.py").read_text()
ast.parse(text)
same("Spack", {re.match(r"[a-z-]+", name)[0] for name in re.findall(r'depends_on\("([^"]+)"', text)}
     - {"cxx", "cmake", "ninja", "pkgconfig", "mpi"}, {"zlib": "zlib-api"})
named("Spack", (found(r'^    version\("([0-9.]+)"', text), version), (found(r'^    homepage = "(.*)"', text), homepage),
      (found(r'^    license\("(.*)"', text), "BSD-3-Clause"))

# conda
try:
    import yaml
    recipe = yaml.safe_load((release / "conda/recipe.yaml").read_text())
    host = {item for item in recipe["requirements"]["host"] if isinstance(item, str)}
    same("conda", host, {"openblas": ("libblas", "libcblas", "liblapack"), "nlohmann-json": "nlohmann_json"})
    named("conda", (recipe["context"]["version"], version), (recipe["about"]["license"], "BSD-3-Clause"),
          (recipe["about"]["homepage"], homepage))
except ImportError:
    print("skip: conda: the recipe: Python has no yaml here (python3-yaml)")

# Nix, by the names in its lists
text = (root / "flake.nix").read_text()
lists = re.findall(r"(?:buildInputs = |propagatedBuildInputs = |\+\+ lib\.optional \w+ )(\[[^]]*\]|\w+)", text)
names = {name for item in lists for name in re.findall(r"[\w-]+", item)}
same("Nix", names - {"cmake", "ninja"}, {"onednn": "oneDNN", "nlohmann-json": "nlohmann_json"})
named("Nix", (found(r"license = lib\.licenses\.(\w+)", text), "bsd3"), (found(r'homepage = "(.*)"', text), homepage))
pattern = found(r'builtins\.match "(.*)" \(builtins', text).encode().decode("unicode_escape")
match = re.fullmatch(pattern, project, re.S)
verdict("Nix: the version is read from CMakeLists.txt", "" if match and match[1] == version else f"{pattern} does not find it")

# Homebrew: what Ruby makes of the formula, told by recipes/formula.rb
try:
    told = subprocess.run(["ruby", "-w", str(root / "tests/packaging/recipes/formula.rb"),
                           str(release / "homebrew/gradtape.rb")], capture_output=True, text=True, check=True)
    formula = json.loads(told.stdout)
    same("Homebrew", set(formula["depends_on"]) - {"cmake", "ninja", "pkgconf"},
         {"xtensor-blas": "xtensor-blas"}, column="brew")
    named("Homebrew", (found(r"/v([0-9.]+)\.tar", formula["url"]), version), (formula["license"], "BSD-3-Clause"),
          (formula["homepage"], homepage))
    verdict("Homebrew: Ruby has no warning, and desc is what `brew audit` takes",
            told.stderr + ("" if len(formula["desc"]) < 80 and not re.match(r"(an?|the|gradtape) ", formula["desc"], re.I)
                           and not formula["desc"].endswith(".") else formula["desc"]))
except FileNotFoundError:
    print("skip: Homebrew: the formula: there is no ruby here")

# What holds for all of them
every = [path for folder in (recipes, release) for path in folder.rglob("*") if path.is_file()] + [root / "flake.nix"]
wrong = [f"{path}: {word}" for path in every for word in ("march=native", "GRADTAPE_ARCH=native", "GRADTAPE_FETCH=ON")
         if word in path.read_text(errors="replace")]
verdict("no recipe builds for the CPU of the machine that builds, or downloads what it does not name", "\n".join(wrong))
building = ("debian/rules", "vcpkg/portfile.cmake", "conda/recipe.yaml", "homebrew/gradtape.rb")
wrong = [name for name in building if not {"-DGRADTAPE_ARCH=baseline", "-DGRADTAPE_FETCH=OFF"} <= set((recipes / name).read_text().split())]
verdict("recipes ask for the architecture's baseline", "\n".join(wrong))
wrong = [str(path) for path in release.rglob("*") if path.is_file() and re.search(r"@[A-Z0-9]+@", path.read_text())]
verdict("`release` leaves nothing to fill in", "\n".join(wrong))
