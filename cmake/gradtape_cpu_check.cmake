# gradtape_cpu_check(<target>): the library refuses, with one sentence at program start, a CPU that
# lacks the instructions the library was compiled for.
function(gradtape_cpu_check target)
  # An object library of its own: the check must not itself use those instructions.
  add_library(gradtape_cpu_check OBJECT runtime/startup/cpu_check.cpp)
  set_target_properties(gradtape_cpu_check PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
  target_compile_features(gradtape_cpu_check PRIVATE cxx_std_20)
  get_filename_component(folder "${GRADTAPE_CPU_FEATURES_FILE}" DIRECTORY)
  target_include_directories(gradtape_cpu_check PRIVATE "${folder}")
  target_link_libraries(gradtape_cpu_check PRIVATE $<BUILD_INTERFACE:gradtape_portable_flags>)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:gradtape_cpu_check>)

  # Nothing calls the check, so a static library would lose it: make the linker ask for it.
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    if(APPLE)
      target_link_options(${target} INTERFACE LINKER:-u,_gradtape_cpu_check)
    else()
      target_link_options(${target} INTERFACE LINKER:-u,gradtape_cpu_check)
    endif()
  endif()
endfunction()

# Writes one line `{"name", supported},` for each feature that GRADTAPE_ARCH makes the compiler use
# and that __builtin_cpu_supports of GCC 12 and Clang 14 knows. Sets GRADTAPE_CPU_FEATURES_FILE.
function(gradtape_cpu_features file)
  get_property(flags GLOBAL PROPERTY GRADTAPE_ARCH_FLAGS)
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} -dM -E -x c++ /dev/null
    OUTPUT_VARIABLE macros ERROR_QUIET)
  set(lines "")
  if(macros MATCHES "__x86_64__")
    foreach(feature IN ITEMS sse3 ssse3 sse4.1 sse4.2 popcnt avx avx2 fma fma4 bmi bmi2
        avx512f avx512cd avx512dq avx512bw avx512vl avx512ifma avx512vbmi avx512vbmi2 avx512vnni
        avx512bitalg avx512vpopcntdq avx512bf16)
      string(TOUPPER "${feature}" macro)
      string(REPLACE "." "_" macro "__${macro}__")
      if(macros MATCHES "#define ${macro} ")
        string(APPEND lines "{\"${feature}\", __builtin_cpu_supports(\"${feature}\") != 0},\n")
      endif()
    endforeach()
  endif()
  file(CONFIGURE OUTPUT "${file}" CONTENT "${lines}")
  set(GRADTAPE_CPU_FEATURES_FILE "${file}" PARENT_SCOPE)
endfunction()
