# gradtape_module(<name> [O3 <folder>...] [O2v <folder>...] [O2 <folder>...] [Os <folder>...]
#                 [USES <module>...] [UNITY_O3] [UNITY_O2v] [UNITY_O2] [UNITY_Os] [COMPONENT])
# The library gradtape::<name> from the .cpp files of the given folders, each compiled at its level of
# optimisation, those of a UNITY level several at once. Its headers are included as
# <gradtape/<name>/file.hpp>, in the build tree and once installed. A COMPONENT stands in the folder of
# a module, among whose headers its own are; only programs that ask for it link it.
function(gradtape_module name)
  cmake_parse_arguments(PARSE_ARGV 1 module "UNITY_O3;UNITY_O2v;UNITY_O2;UNITY_Os;COMPONENT" "" "O3;O2v;O2;Os;USES")
  set(target gradtape_${name})
  add_library(${target})
  add_library(gradtape::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    LINKER_LANGUAGE CXX
    INSTALL_RPATH $<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>
    INSTALL_RPATH_USE_LINK_PATH ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PUBLIC ${GRADTAPE_ABI_FLAGS})
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:gradtape_flags>)
  # A shared library calls its own functions directly, as -fno-semantic-interposition compiles them.
  if(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
    target_link_options(${target} PRIVATE LINKER:-Bsymbolic-functions
      "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/gradtape_exports.map")
    # Tables of addresses take an eighth of their room.
    include(CheckLinkerFlag)
    check_linker_flag(CXX LINKER:-z,pack-relative-relocs GRADTAPE_HAS_PACKED_RELOCATIONS)
    if(GRADTAPE_HAS_PACKED_RELOCATIONS)
      target_link_options(${target} PRIVATE LINKER:-z,pack-relative-relocs)
    endif()
  endif()

  set(other_system windows) # one of system/posix.cpp and system/windows.cpp is for this one
  if(WIN32)
    set(other_system posix)
  endif()

  # One object library a level: all files of a target share their flags and the precompiled header.
  foreach(level IN ITEMS O3 O2v O2 Os)
    set(sources "")
    foreach(folder IN LISTS module_${level})
      file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
      list(APPEND sources ${files})
      list(FILTER sources EXCLUDE REGEX "/system/${other_system}\\.cpp$")
    endforeach()
    if(sources)
      gradtape_objects(${target}_${level} ${level} ${sources})
      gradtape_use_precompiled_header(${target}_${level} ${level})
      if(GRADTAPE_UNITY AND module_UNITY_${level})
        set_target_properties(${target}_${level} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
      endif()
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${level}>)
    endif()
  endforeach()
  list(TRANSFORM module_USES PREPEND "gradtape::" OUTPUT_VARIABLE used)
  gradtape_link(${name} PUBLIC ${used})

  if(module_COMPONENT)
    set_property(GLOBAL APPEND PROPERTY GRADTAPE_COMPONENTS ${name})
    return()
  endif()
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/include/gradtape")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/include/gradtape/${name}"
    SYMBOLIC)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_property(GLOBAL APPEND PROPERTY GRADTAPE_MODULES ${name})
endfunction()

# gradtape_link(<name> [PUBLIC <library>...] [PRIVATE <library>...]): what a module is built on.
function(gradtape_link name)
  cmake_parse_arguments(PARSE_ARGV 1 link "" "" "PUBLIC;PRIVATE")
  target_link_libraries(gradtape_${name} PUBLIC ${link_PUBLIC} PRIVATE ${link_PRIVATE})
  foreach(level IN ITEMS O3 O2v O2 Os)
    if(TARGET gradtape_${name}_${level})
      target_link_libraries(gradtape_${name}_${level} PRIVATE ${link_PUBLIC} ${link_PRIVATE})
    endif()
  endforeach()
endfunction()

# gradtape_objects(<target> <level> <source>...): objects of the library, compiled at -<level> in a
# Release build and where nobody chose a build type. O2v is -O2 with vectorised loops, for files whose
# loops gain nothing from -O3's copies of them. Kernels whose sums stay in registers need -O3, which
# unrolls their loops: without, convolutions take 2.5 times as long.
function(gradtape_objects target level)
  add_library(${target} OBJECT ${ARGN})
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    CXX_EXTENSIONS OFF
    VISIBILITY_INLINES_HIDDEN ON) # half of the symbols are instances of templates
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_include_directories(${target} PRIVATE "${PROJECT_BINARY_DIR}/include")
  target_compile_options(${target} PRIVATE ${GRADTAPE_ABI_FLAGS})
  target_link_libraries(${target} PRIVATE gradtape_flags ${GRADTAPE_FMT_LIBRARY})
  if(GRADTAPE_OPENMP)
    target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  else()
    target_compile_options(${target} PRIVATE -fopenmp-simd)
  endif()
  # Reaching a thread-local variable is one instruction then, and every op reaches several. (The linker
  # cannot read what the sanitizers make of it.)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT GRADTAPE_SANITIZE)
    target_compile_options(${target} PRIVATE -ftls-model=initial-exec)
  endif()
  set(flags -${level})
  if(level STREQUAL "O2v")
    set(flags -O2)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU") # Clang's -O2 does so
      list(APPEND flags -fvect-cost-model=dynamic)
    endif()
  endif()
  if(level MATCHES "O2" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND flags -falign-jumps=1) # 3 % of the code was padding; loops stay aligned
  endif()
  if(CMAKE_BUILD_TYPE OR CMAKE_CONFIGURATION_TYPES OR CMAKE_CXX_FLAGS MATCHES "-O")
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:${flags}>")
  else()
    target_compile_options(${target} PRIVATE ${flags})
  endif()
endfunction()
