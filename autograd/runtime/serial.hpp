/// Threads that share the machine with others; for sources of the library only.
#pragma once

namespace gradtape::detail {

/// In this scope and thread num_threads() is 1: loops and products start no threads of their own.
class Serial {
 public:
  Serial();
  ~Serial();
  Serial(const Serial&) = delete;
  Serial& operator=(const Serial&) = delete;

 private:
  bool before_;
  [[maybe_unused]] int threads_before_ = 1;  // of OpenMP in this thread, which BLAS goes by
};

}  // namespace gradtape::detail
