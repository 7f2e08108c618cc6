{
  description = "Reverse-mode automatic differentiation over tensors, with layers and optimizers on top";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      version = builtins.head (builtins.match ".*\n *VERSION ([0-9.]+)\n.*" (builtins.readFile ./CMakeLists.txt));
      gradtape = { lib, stdenv, cmake, ninja, fmt, llvmPackages, nlohmann_json, oneDNN, openblas, xsimd, xtensor
        , xtensor-blas, zlib, shared ? true, withBlas ? true, withOneDNN ? true }:
        stdenv.mkDerivation {
          pname = "gradtape";
          inherit version;
          src = self;
          nativeBuildInputs = [ cmake ninja ];
          buildInputs = [ fmt nlohmann_json xtensor-blas zlib ]
            ++ lib.optional withBlas openblas
            ++ lib.optional withOneDNN oneDNN
            ++ lib.optional stdenv.cc.isClang llvmPackages.openmp;
          # gradtape/autograd/xtensor.hpp and formula.hpp include them
          propagatedBuildInputs = [ xsimd xtensor ];
          # baseline: what every machine of the system runs
          cmakeFlags = [
            (lib.cmakeBool "BUILD_SHARED_LIBS" shared)
            (lib.cmakeBool "GRADTAPE_BLAS" withBlas)
            (lib.cmakeFeature "GRADTAPE_ONEDNN" (if withOneDNN then "ON" else "OFF"))
            (lib.cmakeFeature "GRADTAPE_ARCH" "baseline")
            (lib.cmakeBool "GRADTAPE_FETCH" false)
            (lib.cmakeBool "GRADTAPE_MPI" false)
            (lib.cmakeBool "GRADTAPE_TESTS" false)
            (lib.cmakeBool "GRADTAPE_EXAMPLES" false)
          ];
          meta = {
            description = "Reverse-mode automatic differentiation over tensors, with layers and optimizers on top";
            homepage = "https://github.com/gradtape/gradtape";
            license = lib.licenses.bsd3;
            platforms = systems;
          };
        };
    in
    {
      packages = forEach (pkgs: rec {
        default = pkgs.callPackage gradtape { };
        static = default.override { shared = false; };
      });
      # nix develop: everything that ./tests/run needs
      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.system}.default ];
          packages = [ pkgs.ccache pkgs.doctest pkgs.pkg-config ];
        };
      });
    };
}
