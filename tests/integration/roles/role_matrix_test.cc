// Every role's certificate at every listener, calling every rpc that a proto of ours describes:
// who is among an rpc's callers gets past the door, everybody else is told ROLE_NOT_ALLOWED or
// cannot even connect. A new rpc joins by itself.

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "norroy/types/v1/access.pb.h"
#include "tests/integration/roles/doors.h"
#include "tests/integration/roles/generic_call.h"
#include "tests/integration/roles/world.h"
#include "tests/integration/service_files.h"

namespace norroy::roles {
namespace {

using google::protobuf::MethodDescriptor;

struct Caller {
  std::string what;
  std::string identity_file;  // empty: none
  identity::Role role;        // which an rpc may list; unspecified: never let in
};

std::vector<Caller> Callers(World& world) {
  std::vector<Caller> callers;
  for (int role = types::v1::Role_MIN; role <= types::v1::Role_MAX; ++role) {
    const auto as = static_cast<identity::Role>(role);
    if (!types::v1::Role_IsValid(role) || as == types::v1::ROLE_UNSPECIFIED) continue;
    callers.push_back({std::string(identity::RoleName(as)), world.Identity(as), as});
  }
  callers.push_back({"nobody", "", types::v1::ROLE_UNSPECIFIED});
  callers.push_back({"an operator of another root",
                     world.Foreign(types::v1::ROLE_OPERATOR, world.deployment()),
                     types::v1::ROLE_UNSPECIFIED});
  callers.push_back({"an operator of another deployment",
                     world.Foreign(types::v1::ROLE_OPERATOR, "elsewhere"),
                     types::v1::ROLE_UNSPECIFIED});
  callers.push_back({"an operator of last week",
                     world.Identity(types::v1::ROLE_OPERATOR, -absl::Hours(168)),
                     types::v1::ROLE_UNSPECIFIED});
  return callers;
}

std::shared_ptr<grpc::Channel> Dial(World& world, const Caller& caller, const Listener& listener) {
  if (caller.identity_file.empty()) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = harness::ReadAll(world.core_root_file());
    return rpc::NewChannel(listener.address, grpc::SslCredentials(options));
  }
  const auto credentials = rpc::ClientCredentials({caller.identity_file, world.core_root_file()},
                                                  world.deployment(), listener.server);
  EXPECT_TRUE(credentials.ok()) << credentials.status();
  return rpc::NewChannel(listener.address, *credentials);
}

bool Connects(const Caller& caller, const Listener& listener) {
  const absl::string_view domain = identity::RoleDomain(caller.role);
  return !domain.empty() && (domain == "edge") == (listener.name == "agents");
}

void Check(const absl::Status& status, const Caller& caller, const Listener& listener,
           const MethodDescriptor& method) {
  SCOPED_TRACE(absl::StrCat(caller.what, " at ", listener.name, " calls ", method.full_name(),
                            " and gets ", status.ToString()));
  const bool refused = absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
  if (!Connects(caller, listener) ||
      (caller.role == types::v1::ROLE_SEAL && absl::IsUnavailable(status))) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  } else if (!IsServed(method, listener)) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  } else if (IsCaller(method, caller.role)) {
    EXPECT_FALSE(refused || absl::IsUnavailable(status) || absl::IsUnimplemented(status));
    EXPECT_NE(ErrorReason(status), "CALLER_BUSY");
  } else {
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(ErrorReason(status), "ROLE_NOT_ALLOWED");
  }
}

TEST(RoleMatrix, EveryRoleAtEveryListenerCallsEveryRpc) {
  World world;
  const std::vector<const MethodDescriptor*> methods = ServiceMethods();
  const std::vector<Caller> callers = Callers(world);
  ASSERT_EQ(callers.size(), 12u);
  int tried = 0, let_in = 0;
  for (const Caller& caller : callers) {
    for (const Listener& listener : world.listeners()) {
      const auto channel = Dial(world, caller, listener);
      for (const MethodDescriptor* method : methods) {
        Check(CallOnce(channel, PathOf(*method)).status, caller, listener, *method);
        ++tried;
        let_in += Connects(caller, listener) && IsServed(*method, listener) &&
                  IsCaller(*method, caller.role);
      }
    }
  }
  EXPECT_EQ(tried, static_cast<int>(12 * 3 * methods.size()));
  // As many as the protos' options say in all, the audit service counted at both of its doors.
  int said = 0;
  for (const MethodDescriptor* method : methods) {
    const int callers_of = method->options().GetExtension(types::v1::access).callers_size();
    said += callers_of * (absl::StartsWith(method->full_name(), "norroy.audit.") ? 2 : 1);
  }
  EXPECT_EQ(let_in, said);
}

}  // namespace
}  // namespace norroy::roles
