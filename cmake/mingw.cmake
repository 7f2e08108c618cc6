# Toolchain file: programs for 64-bit Windows, by MinGW-w64 on Debian and Ubuntu (g++-mingw-w64-x86-64-posix,
# libz-mingw-w64-dev). The header libraries are for any system; they are reached through links in
# GRADTAPE_MINGW_HEADERS, as /usr/include itself also has the headers of this system's C library.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix) # with std::thread
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
find_program(GRADTAPE_WINE NAMES wine64 wine PATHS /usr/lib/wine NO_CMAKE_FIND_ROOT_PATH)
if(GRADTAPE_WINE)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${GRADTAPE_WINE}")
endif()

set(GRADTAPE_MINGW_HEADERS "${CMAKE_BINARY_DIR}/headers" CACHE PATH "Where links to header libraries are")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES GRADTAPE_MINGW_HEADERS)
foreach(library IN ITEMS xtl xtensor xtensor-blas xsimd fmt doctest nlohmann)
  if(EXISTS "/usr/include/${library}" AND NOT EXISTS "${GRADTAPE_MINGW_HEADERS}/include/${library}")
    file(MAKE_DIRECTORY "${GRADTAPE_MINGW_HEADERS}/include")
    file(CREATE_LINK "/usr/include/${library}" "${GRADTAPE_MINGW_HEADERS}/include/${library}" SYMBOLIC)
  endif()
endforeach()
set(GRADTAPE_FMT_INCLUDE_DIR "${GRADTAPE_MINGW_HEADERS}/include") # its headers alone

set(CMAKE_FIND_ROOT_PATH "${GRADTAPE_MINGW_HEADERS}" /usr/x86_64-w64-mingw32)
foreach(kind IN ITEMS INCLUDE LIBRARY PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# Programs that need no other file: GCC's libraries, OpenMP and zlib are in them.
set(ZLIB_LIBRARY /usr/x86_64-w64-mingw32/lib/libz.a)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libgomp.a
  OUTPUT_VARIABLE OpenMP_gomp_LIBRARY OUTPUT_STRIP_TRAILING_WHITESPACE)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
