class Gradtape < Formula
  desc "Reverse-mode automatic differentiation over tensors, for C++"
  homepage "https://github.com/gradtape/gradtape"
  url "@URL@"
  sha256 "@SHA256@"
  license "BSD-3-Clause"
  head "https://github.com/gradtape/gradtape.git", branch: "main"

  depends_on "cmake" => [:build, :test]
  depends_on "ninja" => :build
  depends_on "nlohmann-json" => :build
  depends_on "pkgconf" => :test
  depends_on "fmt"
  depends_on "openblas"
  depends_on "xsimd"
  depends_on "xtensor"

  uses_from_macos "zlib"

  # Apple's compiler has no OpenMP, without which gradtape leaves oneDNN alone.
  on_linux do
    depends_on "onednn"
  end

  # Of its headers the build needs LAPACK's declarations; Homebrew has no formula of it.
  resource "xtensor-blas" do
    url "https://github.com/xtensor-stack/xtensor-blas/archive/refs/tags/0.20.0.tar.gz"
    sha256 "272f5d99bb7511a616bfe41b13a000e63de46420f0b32a25fa4fb935b462c7ff"
  end

  def install
    resource("xtensor-blas").stage buildpath/"xtensor-blas"
    # baseline: bottles run on every machine of the architecture
    args = %W[
      -DBUILD_SHARED_LIBS=ON
      -DGRADTAPE_ARCH=baseline
      -DGRADTAPE_FETCH=OFF
      -DGRADTAPE_MPI=OFF
      -DGRADTAPE_TESTS=OFF
      -DGRADTAPE_EXAMPLES=OFF
      -DGRADTAPE_XTENSOR_BLAS_INCLUDE_DIR=#{buildpath}/xtensor-blas/include
    ]
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", *args, *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
    pkgshare.install "examples/template"
  end

  test do
    cp_r pkgshare/"template", testpath/"project"
    system "cmake", "-S", "project", "-B", "build"
    system "cmake", "--build", "build"
    system "ctest", "--test-dir", "build", "--output-on-failure"
    assert_match version.to_s, shell_output("pkgconf --modversion gradtape")
  end
end
