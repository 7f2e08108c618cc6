// The place of a module in the messages of its exceptions; declared in module.hpp.
#include <string>

#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

namespace {

/// "Conv2d: ..." as "Conv2d 'enc.0': ...", the message of an op as "...; in LayerNorm 'norm'". One
/// that names the module, a part of it or one of its parameters already stays as it is.
std::string with_path(const std::string& message, const std::string& kind,
                      const std::string& path) {
  const auto quoted = "'" + path;
  if (message.find(quoted + "'") != message.npos || message.find(quoted + ".") != message.npos)
    return message;
  if (message.starts_with(kind + ":"))
    return kind + " " + quoted + "'" + message.substr(kind.size());
  return message + "; in " + kind + " " + quoted + "'";
}

}  // namespace

void detail::ModuleAccess::rethrow_named(const Module& module) {
  const auto place = path(module);
  if (place.empty()) throw;
  const auto named = [&](const Error& e) { return with_path(e.what(), module.kind(), place); };
  try {
    throw;
  } catch (const ShapeError& e) {
    throw ShapeError(named(e));
  } catch (const DtypeError& e) {
    throw DtypeError(named(e));
  } catch (const ValueError& e) {
    throw ValueError(named(e));
  } catch (const GraphError& e) {
    throw GraphError(named(e));
  }
}

}  // namespace gradtape::nn
