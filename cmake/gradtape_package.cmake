# gradtape_package(): install rules for headers, libraries, the CMake package and gradtape.pc.
function(gradtape_package)
  include(CMakePackageConfigHelpers)
  get_property(modules GLOBAL PROPERTY GRADTAPE_MODULES)
  set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gradtape)

  set(targets gradtape gradtape_native)
  foreach(module IN LISTS modules)
    list(APPEND targets gradtape_${module})
    gradtape_install_headers(${module})
  endforeach()
  install(FILES cmake/gradtape.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradtape)
  install(TARGETS ${targets} EXPORT gradtape_targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT gradtape_runtime
      NAMELINK_COMPONENT gradtape_development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  gradtape_install_fetched_headers()

  get_target_property(type gradtape_autograd TYPE)
  set(GRADTAPE_STATIC OFF)
  if(type STREQUAL "STATIC_LIBRARY")
    set(GRADTAPE_STATIC ON)
  endif()
  set(GRADTAPE_USES_FMT OFF)
  if(GRADTAPE_FMT_LIBRARY STREQUAL "fmt::fmt")
    set(GRADTAPE_USES_FMT ON)
  endif()
  configure_package_config_file(cmake/gradtape-config.cmake.in
    "${PROJECT_BINARY_DIR}/gradtape-config.cmake"
    INSTALL_DESTINATION ${config_folder}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/gradtape-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
  # Components in files of their own: what they need is looked for only where they are asked for.
  get_property(components GLOBAL PROPERTY GRADTAPE_COMPONENTS)
  foreach(component IN LISTS components)
    install(TARGETS gradtape_${component} EXPORT gradtape_${component}
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT gradtape_runtime
        NAMELINK_COMPONENT gradtape_development
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
      RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(EXPORT gradtape_${component} NAMESPACE gradtape::
      FILE gradtape-${component}-targets.cmake DESTINATION ${config_folder})
  endforeach()
  install(EXPORT gradtape_targets NAMESPACE gradtape:: FILE gradtape-targets.cmake
    DESTINATION ${config_folder})
  install(FILES
    "${PROJECT_BINARY_DIR}/gradtape-config.cmake"
    "${PROJECT_BINARY_DIR}/gradtape-config-version.cmake"
    cmake/gradtape_find.cmake
    DESTINATION ${config_folder})
  install(FILES cmake/gradtape_gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb RENAME gradtape.py)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/gradtape)
  gradtape_pkg_config()
endfunction()

function(gradtape_install_headers module)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/${module}"
    "${PROJECT_SOURCE_DIR}/${module}/*.hpp")
  list(FILTER headers EXCLUDE REGEX "^distributed/detail/") # they include MPI
  foreach(header IN LISTS headers)
    get_filename_component(folder "${header}" DIRECTORY)
    install(FILES "${PROJECT_SOURCE_DIR}/${module}/${header}"
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradtape/${module}/${folder})
  endforeach()
endfunction()

# Header libraries that had to be downloaded go along, where they disturb no other copy.
function(gradtape_install_fetched_headers)
  get_property(fetched GLOBAL PROPERTY GRADTAPE_FETCHED)
  foreach(folder IN LISTS fetched)
    install(DIRECTORY "${folder}/include/"
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradtape/third_party)
    get_filename_component(name "${folder}" NAME)
    string(REGEX REPLACE "^gradtape_(.*)-src$" "\\1" name "${name}")
    install(FILES "${folder}/LICENSE" RENAME ${name}.txt
      DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/gradtape)
  endforeach()
endfunction()

# With static libraries `Libs` names everything, so that a build without --static links too.
function(gradtape_pkg_config)
  set(private -lz)
  if(GRADTAPE_BLAS)
    list(PREPEND private ${GRADTAPE_BLAS_LIBRARIES})
  endif()
  if(GRADTAPE_USES_ONEDNN)
    list(APPEND private ${GRADTAPE_ONEDNN_LIBRARY})
  endif()
  if(GRADTAPE_FMT_LIBRARY STREQUAL "fmt::fmt")
    list(APPEND private -lfmt)
  endif()
  if(GRADTAPE_OPENMP)
    list(APPEND private ${OpenMP_CXX_FLAGS})
  endif()
  set(private_flags "")
  foreach(library IN LISTS private)
    # a library in a folder that the linker does not search by itself is found at run time too
    get_filename_component(folder "${library}" DIRECTORY)
    if(IS_ABSOLUTE "${library}" AND NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES
        AND library MATCHES "\\.(so|dylib)")
      string(APPEND private_flags " -Wl,-rpath,${folder}")
    endif()
    string(APPEND private_flags " ${library}")
  endforeach()
  set(libs "-L\${libdir}")
  get_target_property(type gradtape_autograd TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    get_target_property(keep gradtape_autograd INTERFACE_LINK_OPTIONS)
    string(REPLACE "LINKER:" "-Wl," keep "${keep}")
    string(APPEND libs " ${keep}")
  endif()
  string(APPEND libs " -lgradtape_nn -lgradtape_optim -lgradtape_autograd")
  set(GRADTAPE_PC_LIBS_PRIVATE "${private_flags}")
  set(GRADTAPE_PC_CFLAGS "-I\${includedir}")
  if(type STREQUAL "STATIC_LIBRARY")
    string(APPEND libs "${private_flags}")
  endif()
  set(GRADTAPE_PC_LIBS "${libs}")
  get_property(fetched GLOBAL PROPERTY GRADTAPE_FETCHED)
  if(fetched)
    string(APPEND GRADTAPE_PC_CFLAGS " -I\${includedir}/gradtape/third_party")
  endif()
  get_property(arch_flags GLOBAL PROPERTY GRADTAPE_ARCH_FLAGS)
  list(JOIN arch_flags " " GRADTAPE_PC_NATIVE)
  # from lib/pkgconfig up to the prefix, so that an installation can be moved
  file(RELATIVE_PATH GRADTAPE_PC_PREFIX
    "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
  string(REGEX REPLACE "/$" "" GRADTAPE_PC_PREFIX "${GRADTAPE_PC_PREFIX}")
  configure_file(cmake/gradtape.pc.in "${PROJECT_BINARY_DIR}/gradtape.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/gradtape.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
