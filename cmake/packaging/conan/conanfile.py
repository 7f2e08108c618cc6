"""Conan 2: conan create cmake/packaging/conan --build=missing [-o "gradtape/*:shared=True"]"""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, load, rmdir
from conan.errors import ConanInvalidConfiguration

required_conan_version = ">=2.0"


class GradtapeConan(ConanFile):
    name = "gradtape"
    description = "Reverse-mode automatic differentiation over tensors, with layers and optimizers on top"
    license = "BSD-3-Clause"
    homepage = "https://github.com/gradtape/gradtape"
    url = homepage
    topics = ("automatic-differentiation", "deep-learning", "machine-learning", "neural-networks", "tensors")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "with_blas": [True, False],
        "with_onednn": [True, False],
        "with_openmp": [True, False],
    }
    default_options = {"shared": False, "fPIC": True, "with_blas": True, "with_onednn": False, "with_openmp": True}
    implements = ["auto_shared_fpic"]

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        cmake = load(self, os.path.join(self._root, "CMakeLists.txt"))
        self.version = re.search(r"^ *VERSION ([0-9.]+)", cmake, re.M).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "autograd/*", "nn/*", "optim/*", "cmake/*"):
            copy(self, pattern, src=self._root, dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        # gradtape/autograd/xtensor.hpp and formula.hpp include these; the rest is inside the library
        self.requires("xtensor/[>=0.24 <0.28]", transitive_headers=True)
        self.requires("xsimd/[>=9 <15]", transitive_headers=True)
        self.requires("fmt/[>=9 <13]")
        self.requires("nlohmann_json/[>=3.11 <4]")
        self.requires("zlib/[>=1.2.11 <2]")
        if self.options.with_blas:
            self.requires("openblas/[>=0.3.20 <1]", options={"build_lapack": True})
        if self.options.with_onednn:
            self.requires("onednn/[>=2.6 <4]")

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os == "Windows":
            raise ConanInvalidConfiguration("gradtape is built by GCC and Clang, on Linux and macOS")
        if self.options.with_onednn and not self.options.with_openmp:
            raise ConanInvalidConfiguration("with_onednn needs with_openmp: oneDNN is told through OpenMP how many threads")

    def source(self):
        # Conan has no xtensor-blas; of its headers the build needs LAPACK's declarations, and installs none.
        if not self.conf.get("user.gradtape:xtensor_blas"):
            get(self, **self.conan_data["xtensor-blas"], destination="xtensor-blas", strip_root=True)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        variables = toolchain.cache_variables
        # what every machine of that architecture runs: never the CPU of the one that builds
        variables["GRADTAPE_ARCH"] = "baseline"
        variables["GRADTAPE_FETCH"] = False
        variables["GRADTAPE_TESTS"] = False
        variables["GRADTAPE_EXAMPLES"] = False
        variables["GRADTAPE_MPI"] = False
        variables["GRADTAPE_BLAS"] = bool(self.options.with_blas)
        variables["GRADTAPE_ONEDNN"] = "ON" if self.options.with_onednn else "OFF"
        variables["GRADTAPE_OPENMP"] = bool(self.options.with_openmp)
        variables["GRADTAPE_XTENSOR_BLAS_INCLUDE_DIR"] = self.conf.get(
            "user.gradtape:xtensor_blas", default=os.path.join(self.source_folder, "xtensor-blas", "include"))
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        for folder in ("cmake", "pkgconfig"):  # Conan makes them, for the packages that it has
            rmdir(self, os.path.join(self.package_folder, "lib", folder))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "gradtape")
        self.cpp_info.set_property("cmake_target_name", "gradtape::gradtape")
        self.cpp_info.set_property("pkg_config_name", "gradtape")
        openmp = ["-fopenmp"] if self.options.with_openmp else []
        for name, uses in (("autograd", []), ("nn", ["autograd"]), ("optim", ["autograd"])):
            component = self.cpp_info.components[name]
            component.set_property("cmake_target_name", f"gradtape::{name}")
            component.libs = [f"gradtape_{name}"]
            component.requires = list(uses)
            if self.settings.os == "Linux":
                component.system_libs = ["dl", "m", "pthread"]
            component.exelinkflags = component.sharedlinkflags = openmp
        autograd = self.cpp_info.components["autograd"]
        autograd.requires = ["xtensor::xtensor", "xsimd::xsimd", "fmt::fmt", "nlohmann_json::nlohmann_json", "zlib::zlib"]
        if self.options.with_blas:
            autograd.requires.append("openblas::openblas")
        if self.options.with_onednn:
            autograd.requires.append("onednn::onednn")
        if not self.options.shared:  # the linker keeps the check of the CPU, which nothing calls
            autograd.exelinkflags = openmp + ["-Wl,-u,gradtape_cpu_check"]
