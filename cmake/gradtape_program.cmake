# gradtape_program(<target> <source>...): a program of this repository (test, example, benchmark),
# compiled for the same instruction set as the libraries.
function(gradtape_program target)
  add_executable(${target} ${ARGN})
  gradtape_as_program(${target})
endfunction()

# gradtape_as_program(<target>): compiles as gradtape_program does.
function(gradtape_as_program target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE gradtape_flags gradtape::gradtape gradtape_fmt)
endfunction()
