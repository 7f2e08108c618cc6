# Precompiled headers (GRADTAPE_PCH): the standard library, fmt and the tape take longer to parse than
# most files take to compile. No file relies on them: each includes what it uses.

# gradtape_use_precompiled_header(<target> <level>): objects made by gradtape_objects at that level.
# GCC compiles functions of a precompiled header at the header's level, hence one for each.
function(gradtape_use_precompiled_header target level)
  if(NOT GRADTAPE_PCH)
    return()
  endif()
  set(headers gradtape_headers_${level})
  if(NOT TARGET ${headers})
    set(source "${PROJECT_BINARY_DIR}/headers.cpp") # a target needs one
    file(CONFIGURE OUTPUT "${source}" CONTENT "")
    gradtape_objects(${headers} ${level} "${source}")
    gradtape_precompile(${headers}
      <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <limits> <map> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h>
      <gradtape/autograd/tape.hpp>)
  endif()
  gradtape_precompiled_by(${target} ${headers})
endfunction()

# gradtape_precompile(<target> <header>...): parses these once for all files of the target.
function(gradtape_precompile target)
  if(GRADTAPE_PCH)
    gradtape_cache_precompiled(${target})
    set(headers ${ARGN})
    # fmt asks for some optimisation where there is none, by a pragma that it takes back. A precompiled
    # header of GCC 14 remembers the first alone, and intrinsics become functions that need constants.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND
        (CMAKE_BUILD_TYPE STREQUAL "Debug" OR CMAKE_CXX_FLAGS MATCHES "-O0"))
      list(REMOVE_ITEM headers <fmt/format.h>)
    endif()
    target_precompile_headers(${target} PRIVATE ${headers})
  endif()
endfunction()

# gradtape_precompiled_by(<target> <other>): uses the headers of another target with the same flags.
function(gradtape_precompiled_by target other)
  if(GRADTAPE_PCH)
    gradtape_cache_precompiled(${target})
    target_precompile_headers(${target} REUSE_FROM ${other})
  endif()
endfunction()

# What ccache needs to know a precompiled header by its contents.
function(gradtape_cache_precompiled target)
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
    "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()
