# The package of Spack: spack repo add FOLDER/spack; spack install gradtape
from spack.package import *


class Gradtape(CMakePackage):
    """Reverse-mode automatic differentiation over tensors, with layers and optimizers on top."""

    homepage = "https://github.com/gradtape/gradtape"
    url = "@URL@"
    git = "https://github.com/gradtape/gradtape.git"

    license("BSD-3-Clause")

    version("main", branch="main")
    version("@VERSION@", sha256="@SHA256@")

    variant("shared", default=True, description="Build shared libraries")
    variant("blas", default=True, description="Large products by BLAS, decompositions by LAPACK")
    variant("onednn", default=False, description="float32 products by oneDNN")
    variant("openmp", default=True, description="Large loops run on several threads")
    variant("mpi", default=False, description="Training over several processes")

    depends_on("cxx", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("xtensor@0.24:", type=("build", "link"))
    depends_on("xsimd@9:", type=("build", "link"))
    depends_on("xtensor-blas", type="build")
    depends_on("nlohmann-json@3.11:", type="build")
    depends_on("fmt@9:")
    depends_on("zlib-api")
    depends_on("openblas threads=openmp", when="+blas+openmp")
    depends_on("openblas", when="+blas~openmp")
    depends_on("onednn cpu_runtime=omp", when="+onednn")
    depends_on("mpi", when="+mpi")

    conflicts("%gcc@:11", msg="gradtape needs C++20 as of GCC 12")
    conflicts("%clang@:13", msg="gradtape needs C++20 as of Clang 14")
    conflicts("+onednn", when="~openmp", msg="oneDNN is told through OpenMP how many threads to run")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("GRADTAPE_BLAS", "blas"),
            self.define_from_variant("GRADTAPE_ONEDNN", "onednn"),
            self.define_from_variant("GRADTAPE_OPENMP", "openmp"),
            self.define_from_variant("GRADTAPE_MPI", "mpi"),
            # Spack's compiler wrapper adds the flags of its target
            self.define("GRADTAPE_ARCH", "baseline"),
            self.define("GRADTAPE_FETCH", False),
            self.define("GRADTAPE_TESTS", False),
            self.define("GRADTAPE_EXAMPLES", False),
        ]
