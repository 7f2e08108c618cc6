# gradtape_module(<name> FOLDERS <dir>... [USES <module>...] [EXCEPT <file>...])
# The library gradtape::<name> from the .cpp files of the given folders. Its headers are included
# as <gradtape/<name>/file.hpp>, in the build tree and once installed.
function(gradtape_module name)
  cmake_parse_arguments(PARSE_ARGV 1 module "" "" "FOLDERS;USES;EXCEPT")
  set(target gradtape_${name})

  set(patterns ${module_FOLDERS})
  list(TRANSFORM patterns PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  list(TRANSFORM patterns APPEND "/*.cpp")
  list(TRANSFORM patterns REPLACE "/\\./" "/")
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  foreach(file IN LISTS module_EXCEPT)
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  endforeach()
  if(NOT sources) # a library needs one source, a module may consist of headers
    set(sources "${CMAKE_CURRENT_BINARY_DIR}/headers_only.cpp")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "namespace gradtape {}\n")
  endif()

  add_library(${target} ${sources})
  add_library(gradtape::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    POSITION_INDEPENDENT_CODE ON
    CXX_EXTENSIONS OFF
    VISIBILITY_INLINES_HIDDEN ON # half of the symbols are instances of templates
    INSTALL_RPATH $<IF:$<PLATFORM_ID:Darwin>,@loader_path,$ORIGIN>
    INSTALL_RPATH_USE_LINK_PATH ON
    DEFINE_SYMBOL "" # static and shared builds compile the same, and ccache sees it
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:gradtape_flags>)
  list(TRANSFORM module_USES PREPEND "gradtape::" OUTPUT_VARIABLE used)
  target_link_libraries(${target} PUBLIC ${used})

  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/include/gradtape")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/include/gradtape/${name}"
    SYMBOLIC)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_property(GLOBAL APPEND PROPERTY GRADTAPE_MODULES ${name})
endfunction()

# gradtape_optimise(<name> <flag> [O3 <folder>...] [O2 <folder>...] [Os <folder>...])
# How a Release build optimises a module: <flag>, and others for some of its folders.
function(gradtape_optimise name flag)
  set(levels O2 O3 Os)
  cmake_parse_arguments(PARSE_ARGV 2 optimise "" "" "${levels}")
  target_compile_options(gradtape_${name} PRIVATE $<$<CONFIG:Release>:${flag}>)
  foreach(level IN LISTS levels)
    foreach(folder IN LISTS optimise_${level})
      file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
      set_source_files_properties(${files} PROPERTIES
        COMPILE_OPTIONS $<$<CONFIG:Release>:-${level}>)
    endforeach()
  endforeach()
endfunction()
