#include "tests/integration/service_files.h"

#include <filesystem>
#include <set>
#include <string>

#include "common/check.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "norroy/audit/v1/audit_service.pb.h"
#include "norroy/issuer/v1/account_service.pb.h"
#include "norroy/issuer/v1/api_token_service.pb.h"
#include "norroy/issuer/v1/certificate_service.pb.h"
#include "norroy/issuer/v1/doctor_service.pb.h"
#include "norroy/issuer/v1/order_service.pb.h"
#include "norroy/issuer/v1/policy_service.pb.h"
#include "norroy/issuer/v1/rate_limit_service.pb.h"
#include "norroy/issuer/v1/renewal_service.pb.h"
#include "norroy/issuer/v1/server_info_service.pb.h"
#include "norroy/issuer/v1/warm_name_service.pb.h"
#include "norroy/validator/v1/agent_admin_service.pb.h"
#include "norroy/validator/v1/enrollment_service.pb.h"
#include "norroy/validator/v1/preflight_service.pb.h"
#include "norroy/validator/v1/presentation_service.pb.h"
#include "norroy/validator/v1/server_info_service.pb.h"
#include "tests/harness/process.h"

namespace norroy {
namespace {

// "norroy/issuer/v1/order_service.proto" ...
std::set<std::string> NamesInTheTree() {
  const std::filesystem::path protos = harness::Runfile("protos");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(protos)) {
    // By name: the files are links.
    names.insert(entry.path().lexically_relative(protos).string());
  }
  std::erase_if(names, [](const std::string& name) { return !name.ends_with("_service.proto"); });
  return names;
}

}  // namespace

std::vector<const google::protobuf::FileDescriptor*> ServiceFiles() {
  // A file that nothing refers to would not be linked.
  const std::vector<const google::protobuf::FileDescriptor*> files = {
      agent::v1::AttachRequest::descriptor()->file(),
      audit::v1::AuditRecord::descriptor()->file(),
      issuer::v1::Account::descriptor()->file(),
      issuer::v1::ApiToken::descriptor()->file(),
      issuer::v1::Certificate::descriptor()->file(),
      issuer::v1::RehearseRequest::descriptor()->file(),
      issuer::v1::Order::descriptor()->file(),
      issuer::v1::Policy::descriptor()->file(),
      issuer::v1::RateLimit::descriptor()->file(),
      issuer::v1::Renewal::descriptor()->file(),
      issuer::v1::WarmName::descriptor()->file(),
      issuer::v1::GetServerInfoRequest::descriptor()->file(),
      validator::v1::Agent::descriptor()->file(),
      validator::v1::EnrollRequest::descriptor()->file(),
      validator::v1::LookRequest::descriptor()->file(),
      validator::v1::PlanRequest::descriptor()->file(),
      validator::v1::GetServerInfoRequest::descriptor()->file(),
  };
  std::set<std::string> names;
  for (const google::protobuf::FileDescriptor* file : files) names.insert(file->name());
  NORROY_CHECK(names == NamesInTheTree());
  return files;
}

std::vector<const google::protobuf::MethodDescriptor*> ServiceMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* file : ServiceFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

}  // namespace norroy
