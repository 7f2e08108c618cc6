/// What the library decides by itself, told on stderr: GRADTAPE_LOG=off, warning, info or debug.
#pragma once

#include <cstdint>

namespace gradtape {

/// How much is told, each level with those before it.
enum class LogLevel : std::uint8_t {
  off,      ///< nothing
  warning,  ///< what makes the program slower than it could be: memory that ran out, old kernels
  info,     ///< once each: the BLAS and its kernels, the allocator, the threads of loops
  debug,    ///< each product with what computes it, each block of memory from the system
};

/// The level of this process: at first that of the environment variable GRADTAPE_LOG, or warning.
[[nodiscard]] LogLevel log_level();
/// Changes it from here on.
void set_log_level(LogLevel level);

namespace detail {

[[nodiscard]] inline bool logs(LogLevel level) { return log_level() >= level; }

/// Writes a line, "gradtape info memory: ...", in one piece and without taking memory; of over 500
/// characters the rest is cut off. `format` as printf has it.
#if defined(__MINGW32__)  // whose library has a printf of its own beside that of Windows
[[gnu::format(gnu_printf, 3, 4)]]
#elif defined(__GNUC__)
[[gnu::format(printf, 3, 4)]]
#endif
void log(LogLevel level, const char* topic, const char* format, ...);

}  // namespace detail
}  // namespace gradtape
