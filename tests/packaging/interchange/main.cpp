// The doctest program of this folder: gradtape beside other libraries, each test compiled against
// the real one.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
