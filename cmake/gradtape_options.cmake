# The options a builder may set, and gradtape_flags: the compiler flags of everything built here.
function(gradtape_options)
  set(top_level OFF)
  if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
    set(top_level ON)
  endif()
  set(arch x86-64-v3)
  if(top_level AND NOT CMAKE_CROSSCOMPILING) # a compiler for another machine has no native one
    set(arch native)
  elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    set(arch baseline)
  endif()

  set(GRADTAPE_ARCH ${arch} CACHE STRING
    "Instruction set: native, baseline (no flag), or any value of -march such as x86-64-v3")
  set(GRADTAPE_LEVELS "" CACHE STRING
    "Instruction sets for which shared libraries are built besides, such as x86-64-v3;x86-64-v4")
  option(GRADTAPE_TESTS "Build the tests" ${top_level})
  option(GRADTAPE_EXAMPLES "Build the examples" ${top_level})
  option(GRADTAPE_BENCH "Build the benchmarks" OFF)
  option(GRADTAPE_INSTALL "Make the install rules" ${top_level})
  option(GRADTAPE_FETCH "Download the header libraries that the system lacks" ON)
  option(GRADTAPE_BLAS "Large products by BLAS, decompositions by LAPACK; OFF: own kernels" ON)
  set(GRADTAPE_ONEDNN AUTO CACHE STRING "float32 products by oneDNN: AUTO (where it is found), ON or OFF")
  set_property(CACHE GRADTAPE_ONEDNN PROPERTY STRINGS AUTO ON OFF)
  option(GRADTAPE_MPI "Build gradtape::distributed where MPI is found" ON)
  set(GRADTAPE_ALLOCATOR caching CACHE STRING
    "Memory of tensors: caching (free blocks are kept), or system (malloc's, or what stands in for it)")
  set_property(CACHE GRADTAPE_ALLOCATOR PROPERTY STRINGS caching system)
  if(NOT GRADTAPE_ALLOCATOR MATCHES "^(caching|system)$")
    message(FATAL_ERROR "gradtape: GRADTAPE_ALLOCATOR is caching or system, not '${GRADTAPE_ALLOCATOR}'.")
  endif()
  option(GRADTAPE_WERROR "Treat warnings as errors" OFF)
  set(GRADTAPE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")
  option(GRADTAPE_FUZZ "Build the fuzz targets of tests/fuzz, with Clang" OFF)
  set(GRADTAPE_FUZZ_ENGINE -fsanitize=fuzzer CACHE STRING "What links a fuzzer's main function")
  set(openmp ON)
  if(GRADTAPE_SANITIZE MATCHES "thread")
    set(openmp OFF) # the thread sanitizer does not see an OpenMP runtime's barriers
  endif()
  option(GRADTAPE_OPENMP "Run large loops on several threads" ${openmp})

  # A compiler cache of the builder's own may not know what to make of precompiled headers.
  set(pch ON)
  if(DEFINED CMAKE_CXX_COMPILER_LAUNCHER OR NOT CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang|AppleClang)$")
    set(pch OFF)
  endif()
  option(GRADTAPE_PCH "Precompile the headers that most files include" ${pch})
  # Small files share instances of templates, which take most of their time. A cache or a second look
  # wants files of their own.
  option(GRADTAPE_UNITY "Compile small files several at once" ${pch})

  if(top_level AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()
  if(top_level)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON PARENT_SCOPE)
  endif()
  gradtape_flags()
endfunction()

# Paths are hashed relative to the source folder, so that sibling build folders share results, and
# with them the CPU's features, since -march=native reads the same on every machine. Precompiled
# headers need the sloppiness, and the depend mode: by preprocessed text, without comments, ccache
# takes one header for another that differs in comments only, and GCC then includes the file a
# second time, since `#pragma once` goes by its contents. The namespace leaves behind what was
# cached in that way.
function(gradtape_use_ccache)
  find_program(GRADTAPE_CCACHE ccache)
  mark_as_advanced(GRADTAPE_CCACHE)
  if(GRADTAPE_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 CCACHE_NAMESPACE=gradtape
      CCACHE_EXTRAFILES=${GRADTAPE_CPU_FEATURES_FILE} ${GRADTAPE_CCACHE} PARENT_SCOPE)
  endif()
endfunction()

# GRADTAPE_ARCH_FLAGS: the flag for GRADTAPE_ARCH, empty for baseline.
function(gradtape_arch_flags)
  include(CheckCXXCompilerFlag)
  set(flags "")
  if(NOT GRADTAPE_ARCH STREQUAL "baseline")
    string(MAKE_C_IDENTIFIER "GRADTAPE_HAS_MARCH_${GRADTAPE_ARCH}" march)
    string(MAKE_C_IDENTIFIER "GRADTAPE_HAS_MCPU_${GRADTAPE_ARCH}" mcpu)
    check_cxx_compiler_flag(-march=${GRADTAPE_ARCH} ${march})
    if(${march})
      set(flags -march=${GRADTAPE_ARCH})
    else()
      check_cxx_compiler_flag(-mcpu=${GRADTAPE_ARCH} ${mcpu})
      if(NOT ${mcpu})
        message(FATAL_ERROR "gradtape: this compiler does not know GRADTAPE_ARCH=${GRADTAPE_ARCH}; "
          "use native, baseline or a value that its -march takes.")
      endif()
      set(flags -mcpu=${GRADTAPE_ARCH})
    endif()
    # GCC for Windows aligns the stack to 16 bytes and yet moves registers of 32 and 64 there as if it
    # were aligned to those (GCC bug 54412). The assembler makes these moves take any address, which
    # costs nothing where it is aligned.
    if(MINGW AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      check_cxx_compiler_flag(-Wa,-muse-unaligned-vector-move GRADTAPE_HAS_UNALIGNED_MOVES)
      if(NOT GRADTAPE_HAS_UNALIGNED_MOVES)
        message(FATAL_ERROR "gradtape: on Windows, GRADTAPE_ARCH=${GRADTAPE_ARCH} needs binutils 2.38 or "
          "newer; use GRADTAPE_ARCH=baseline.")
      endif()
      list(APPEND flags -Wa,-muse-unaligned-vector-move)
    endif()
  endif()
  set(GRADTAPE_ARCH_FLAGS "${flags}" PARENT_SCOPE)
endfunction()

# Two interface targets that never leave the build tree: gradtape_portable_flags, and
# gradtape_flags which adds the instruction set.
function(gradtape_flags)
  add_library(gradtape_portable_flags INTERFACE)
  target_compile_options(gradtape_portable_flags INTERFACE -Wall -Wextra -Wpedantic
    $<$<BOOL:${GRADTAPE_WERROR}>:-Werror>)
  if(GRADTAPE_SANITIZE)
    set(sanitize -fsanitize=${GRADTAPE_SANITIZE})
    target_compile_options(gradtape_portable_flags INTERFACE
      ${sanitize} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
    target_link_options(gradtape_portable_flags INTERFACE ${sanitize})
  endif()

  # On Windows GCC takes the copy of an inline function that it sees for the one that the linker keeps: with
  # -fipa-ra a caller relies on registers that only its own copy leaves alone. Programs that use the library
  # need the flag too, as their copies meet the library's.
  set(abi_flags "")
  if(MINGW AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(abi_flags -fno-ipa-ra)
  endif()
  set(GRADTAPE_ABI_FLAGS "${abi_flags}" CACHE INTERNAL "")
  gradtape_arch_flags()
  add_library(gradtape_flags INTERFACE)
  target_link_libraries(gradtape_flags INTERFACE gradtape_portable_flags)
  target_compile_options(gradtape_flags INTERFACE ${GRADTAPE_ARCH_FLAGS} -fno-math-errno)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Without it -fPIC forbids inlining one of our functions into another.
    target_compile_options(gradtape_flags INTERFACE -fno-semantic-interposition)
    # GCC 12 sees the undefined registers inside its own AVX-512 intrinsics (GCC bug 105593).
    target_compile_options(gradtape_flags INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  set_property(GLOBAL PROPERTY GRADTAPE_ARCH_FLAGS "${GRADTAPE_ARCH_FLAGS}")
endfunction()

# Six lines about what will be built.
function(gradtape_report)
  set(type "${CMAKE_BUILD_TYPE}")
  if(CMAKE_CONFIGURATION_TYPES)
    list(JOIN CMAKE_CONFIGURATION_TYPES ", " type)
  elseif(NOT type)
    set(type "none (gradtape itself is optimised)")
  endif()
  set(blas "off: own kernels; svd, qr and eigh of small matrices only")
  if(GRADTAPE_BLAS)
    list(JOIN GRADTAPE_BLAS_LIBRARIES " " blas)
    if(NOT GRADTAPE_USES_LAPACK)
      string(APPEND blas " (without LAPACK: svd, qr and eigh of small matrices only)")
    endif()
  endif()
  set(openmp "off: loops run on one thread")
  if(GRADTAPE_OPENMP)
    set(openmp "on (${OpenMP_CXX_FLAGS})")
  endif()
  message(STATUS "gradtape ${PROJECT_VERSION}")
  message(STATUS "  build type:      ${type}")
  message(STATUS "  instruction set: ${GRADTAPE_ARCH}")
  message(STATUS "  BLAS:            ${blas}")
  set(onednn "off")
  if(GRADTAPE_USES_ONEDNN)
    set(onednn "${GRADTAPE_ONEDNN_LIBRARY}")
  elseif(GRADTAPE_ONEDNN)
    set(onednn "none")
  endif()
  message(STATUS "  oneDNN:          ${onednn}")
  message(STATUS "  OpenMP:          ${openmp}")
endfunction()
