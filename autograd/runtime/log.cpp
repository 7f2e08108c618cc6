#include "gradtape/autograd/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace gradtape {
namespace {

constexpr std::array<const char*, 4> names = {"off", "warning", "info", "debug"};
constexpr int unread = -1;
std::atomic<int> current{unread};

const char* name(LogLevel level) { return names[static_cast<std::size_t>(level)]; }

int from_environment() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the library does not change the environment
  const char* const value = std::getenv("GRADTAPE_LOG");
  const std::string_view wanted = value ? value : "";
  const auto at = std::find(names.begin(), names.end(), wanted) - names.begin();
  const bool known = at < static_cast<std::ptrdiff_t>(names.size());
  const int level = known ? static_cast<int>(at) : static_cast<int>(LogLevel::warning);
  int expected = unread;
  if (current.compare_exchange_strong(expected, level) && !known && !wanted.empty())
    detail::log(LogLevel::warning, "log", "GRADTAPE_LOG=%s is none of off, warning, info and debug",
                value);
  return current.load(std::memory_order_relaxed);
}

}  // namespace

LogLevel log_level() {
  const int level = current.load(std::memory_order_relaxed);
  return static_cast<LogLevel>(level == unread ? from_environment() : level);
}

void set_log_level(LogLevel level) {
  current.store(static_cast<int>(level), std::memory_order_relaxed);
}

void detail::log(LogLevel level, const char* topic, const char* format, ...) {
  if (!logs(level)) return;
  std::array<char, 512> line;
  const auto put = [&](int at, auto write) {
    const auto room = line.size() - static_cast<std::size_t>(at);
    return at + std::clamp(write(line.data() + at, room), 0, static_cast<int>(room) - 1);
  };
  int size = put(0, [&](char* to, std::size_t room) {
    return std::snprintf(to, room, "gradtape %s %s: ", name(level), topic);
  });
  std::va_list values;
  va_start(values, format);
  size = put(size,
             [&](char* to, std::size_t room) { return std::vsnprintf(to, room, format, values); });
  va_end(values);
  line[static_cast<std::size_t>(std::min<int>(size, static_cast<int>(line.size()) - 1))] = '\n';
  std::fwrite(line.data(), 1, static_cast<std::size_t>(size) + 1, stderr);
}

}  // namespace gradtape
