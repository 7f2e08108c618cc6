#!/bin/bash -eu
# OSS-Fuzz's build: $CXXFLAGS choose the sanitizer, $LIB_FUZZING_ENGINE the fuzzer.
cmake -S . -B build -G Ninja -DGRADTAPE_FUZZ=ON -DGRADTAPE_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" \
  -DGRADTAPE_ARCH=baseline -DGRADTAPE_BLAS=OFF -DGRADTAPE_ONEDNN=OFF -DGRADTAPE_OPENMP=OFF \
  -DZLIB_USE_STATIC_LIBS=ON -DGRADTAPE_EXAMPLES=OFF
cmake --build build --target gradtape_fuzz

for corpus in tests/fuzz/corpus/*; do
  target=$(basename "$corpus")
  cp "build/tests/programs/fuzz/gradtape_fuzz_$target" "$OUT/"
  mkdir -p "tests/files/fuzz/$target"
  zip -qj "$OUT/gradtape_fuzz_${target}_seed_corpus.zip" \
    $(find "$corpus" "tests/files/fuzz/$target" -type f)
  if [[ -f tests/fuzz/dictionaries/$target.dict ]]; then
    cp "tests/fuzz/dictionaries/$target.dict" "$OUT/gradtape_fuzz_$target.dict"
  fi
done
