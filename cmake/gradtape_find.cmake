# Where the system keeps what gradtape needs. Used by the build and, installed beside it, by the
# package config.

# gradtape_find_blas(): GRADTAPE_BLAS_LIBRARIES, with CBLAS and LAPACK, and
# GRADTAPE_CBLAS_INCLUDE_DIR. OpenBLAS on OpenMP first: it shares one thread pool with us.
function(gradtape_find_blas)
  if(NOT GRADTAPE_BLAS_LIBRARIES AND NOT BLA_VENDOR)
    find_library(GRADTAPE_OPENBLAS NAMES openblaso openblas PATH_SUFFIXES openblas-openmp
      HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp
            /opt/homebrew/opt/openblas/lib /usr/local/opt/openblas/lib)
    mark_as_advanced(GRADTAPE_OPENBLAS)
    if(GRADTAPE_OPENBLAS)
      set(libraries ${GRADTAPE_OPENBLAS})
    endif()
  endif()
  if(NOT GRADTAPE_BLAS_LIBRARIES AND NOT libraries)
    find_package(BLAS QUIET)
    find_package(LAPACK QUIET)
    if(BLAS_FOUND AND LAPACK_FOUND)
      set(libraries ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
      list(REMOVE_DUPLICATES libraries)
    endif()
  endif()
  set(GRADTAPE_BLAS_LIBRARIES "${libraries}" CACHE STRING "BLAS, CBLAS and LAPACK libraries")
  find_path(GRADTAPE_CBLAS_INCLUDE_DIR NAMES cblas.h cblas-openblas.h
    PATH_SUFFIXES openblas-openmp ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas cblas
    HINTS /opt/homebrew/opt/openblas/include /usr/local/opt/openblas/include)
  mark_as_advanced(GRADTAPE_BLAS_LIBRARIES GRADTAPE_CBLAS_INCLUDE_DIR)
  if(NOT TARGET gradtape::blas)
    add_library(gradtape::blas INTERFACE IMPORTED GLOBAL)
    target_link_libraries(gradtape::blas INTERFACE ${GRADTAPE_BLAS_LIBRARIES})
  endif()
endfunction()

# gradtape_find_onednn(): GRADTAPE_ONEDNN_LIBRARY and the target gradtape::dnnl, or neither. Only a
# oneDNN that can be told to stay on the thread that calls it will do: one on OpenMP or without threads.
function(gradtape_find_onednn)
  find_path(GRADTAPE_ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl_config.h)
  find_library(GRADTAPE_ONEDNN_LIBRARY dnnl)
  mark_as_advanced(GRADTAPE_ONEDNN_INCLUDE_DIR GRADTAPE_ONEDNN_LIBRARY)
  if(NOT GRADTAPE_ONEDNN_INCLUDE_DIR OR NOT GRADTAPE_ONEDNN_LIBRARY OR TARGET gradtape::dnnl)
    return()
  endif()
  file(STRINGS "${GRADTAPE_ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_config.h" threads
    REGEX "define DNNL_CPU_THREADING_RUNTIME DNNL_RUNTIME_(OMP|SEQ)")
  if(threads)
    add_library(gradtape::dnnl UNKNOWN IMPORTED GLOBAL)
    set_target_properties(gradtape::dnnl PROPERTIES
      IMPORTED_LOCATION "${GRADTAPE_ONEDNN_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${GRADTAPE_ONEDNN_INCLUDE_DIR}")
  endif()
endfunction()

# gradtape_find_mpi(): the target MPI::MPI_CXX, of MPI_CXX_COMPILER where that is set, or nothing.
function(gradtape_find_mpi)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI QUIET COMPONENTS CXX)
  if(TARGET MPI::MPI_CXX)
    set_target_properties(MPI::MPI_CXX PROPERTIES IMPORTED_GLOBAL ON)
  endif()
endfunction()

# gradtape_find_array_headers(): the header libraries that xtensor.hpp and formula.hpp include.
function(gradtape_find_array_headers)
  find_path(GRADTAPE_XTL_INCLUDE_DIR xtl/xtl_config.hpp)
  # The second name is that of xtensor 0.26 and later. Beside xtl first: find_path looks for one name
  # in all folders before the next, so an old xtensor of the system would hide a new one elsewhere.
  set(names xtensor/xtensor_config.hpp xtensor/core/xtensor_config.hpp)
  find_path(GRADTAPE_XTENSOR_INCLUDE_DIR NAMES ${names}
    PATHS "${GRADTAPE_XTL_INCLUDE_DIR}" NO_DEFAULT_PATH)
  find_path(GRADTAPE_XTENSOR_INCLUDE_DIR NAMES ${names})
  find_path(GRADTAPE_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
  mark_as_advanced(
    GRADTAPE_XTL_INCLUDE_DIR GRADTAPE_XTENSOR_INCLUDE_DIR GRADTAPE_XSIMD_INCLUDE_DIR)
endfunction()

# gradtape_array_headers(<folder>...): the target that carries those found.
function(gradtape_array_headers)
  if(NOT TARGET gradtape::array_headers)
    add_library(gradtape::array_headers INTERFACE IMPORTED GLOBAL)
  endif()
  set(folders "")
  foreach(folder IN LISTS ARGN)
    if(IS_DIRECTORY "${folder}")
      list(APPEND folders "${folder}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES folders)
  set_target_properties(gradtape::array_headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${folders}")
endfunction()
