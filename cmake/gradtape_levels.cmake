# gradtape_levels(): the shared libraries once more for each instruction set of GRADTAPE_LEVELS, such as
# "x86-64-v3;x86-64-v4", installed in glibc-hwcaps/<level> beside the others. There the dynamic linker of
# glibc (2.33 or newer) looks first on a CPU that has it, so that one package starts everywhere and is as
# fast as a build for the machine.
function(gradtape_levels)
  if(NOT GRADTAPE_LEVELS)
    return()
  endif()
  if(NOT BUILD_SHARED_LIBS OR NOT GRADTAPE_INSTALL OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    message(FATAL_ERROR "gradtape: GRADTAPE_LEVELS is for shared libraries that are installed on Linux "
      "(-DBUILD_SHARED_LIBS=ON -DGRADTAPE_INSTALL=ON).")
  endif()
  include(ExternalProject)
  set(options "")
  foreach(name IN ITEMS CMAKE_BUILD_TYPE CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS CMAKE_CXX_FLAGS_RELEASE
      CMAKE_PREFIX_PATH CMAKE_SHARED_LINKER_FLAGS CMAKE_SKIP_INSTALL_RPATH CMAKE_TOOLCHAIN_FILE BLA_VENDOR
      GRADTAPE_ALLOCATOR GRADTAPE_BLAS GRADTAPE_FETCH GRADTAPE_MPI GRADTAPE_ONEDNN GRADTAPE_OPENMP
      GRADTAPE_SANITIZE GRADTAPE_WERROR)
    if(DEFINED ${name})
      string(REPLACE ";" "|" value "${${name}}") # a list that ExternalProject takes apart otherwise
      list(APPEND options "-D${name}=${value}")
    endif()
  endforeach()
  foreach(level IN LISTS GRADTAPE_LEVELS)
    set(folder "${PROJECT_BINARY_DIR}/levels/${level}")
    ExternalProject_Add(gradtape_level_${level}
      SOURCE_DIR "${PROJECT_SOURCE_DIR}"
      BINARY_DIR "${folder}"
      PREFIX "${folder}/external"
      LIST_SEPARATOR |
      CMAKE_ARGS ${options} -DBUILD_SHARED_LIBS=ON -DGRADTAPE_ARCH=${level} -DGRADTAPE_LEVELS=
        -DGRADTAPE_TESTS=OFF -DGRADTAPE_EXAMPLES=OFF
        -DCMAKE_INSTALL_LIBDIR=${CMAKE_INSTALL_LIBDIR}/glibc-hwcaps/${level}
      BUILD_ALWAYS ON
      USES_TERMINAL_BUILD ON # by Ninja one level after the other: each uses all cores
      INSTALL_COMMAND "")
    install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --install \"${folder}\"
        --prefix \"\${CMAKE_INSTALL_PREFIX}\" --component gradtape_runtime COMMAND_ERROR_IS_FATAL ANY)"
      COMPONENT gradtape_runtime)
  endforeach()
endfunction()
