#include "tests/integration/roles/doors.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::roles {

using google::protobuf::MethodDescriptor;

bool IsServed(const MethodDescriptor& method, const Listener& listener) {
  const std::string& name = method.full_name();
  if (absl::StartsWith(name, "norroy.audit.v1.")) return listener.name != "agents";
  if (absl::StartsWith(name, "norroy.issuer.v1.")) return listener.name == "issuer";
  if (absl::StartsWith(name, "norroy.agent.v1.") ||
      absl::StartsWith(name, "norroy.validator.v1.EnrollmentService.")) {
    return listener.name == "agents";
  }
  return listener.name == "core";
}

bool IsCaller(const MethodDescriptor& method, identity::Role role) {
  const auto& callers = method.options().GetExtension(types::v1::access).callers();
  return std::find(callers.begin(), callers.end(), role) != callers.end();
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

}  // namespace norroy::roles
