/// Recording switched on again; for sources of the library only.
#pragma once

namespace gradtape::detail {

/// Ops in this scope and thread are recorded, even inside a NoGrad.
class WithRecording {
 public:
  WithRecording();
  ~WithRecording();
  WithRecording(const WithRecording&) = delete;
  WithRecording& operator=(const WithRecording&) = delete;

 private:
  bool before_;
};

}  // namespace gradtape::detail
