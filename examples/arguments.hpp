/// What the examples that train for a minute or two are given on their command line.
#pragma once

#include <string>
#include <string_view>

/// `NAME [PATH] [--quick]`
struct Arguments {
  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
      if (std::string_view(argv[i]) == "--quick")
        quick = true;
      else
        path = argv[i];
  }

  std::string path = {};  ///< Where the data are; where their package puts them if empty.
  bool quick = false;     ///< Train on little, for seconds, and claim little: to see that it works.
};
