#include "cli/version.h"

#include <google/protobuf/stubs/common.h>

#include "cli/result.pb.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/server_info_service.grpc.pb.h"
#include "norroy/validator/v1/server_info_service.grpc.pb.h"

namespace norroy::cli {
namespace {

absl::Status AskServers(Context& context, VersionInfo& info) {
  using IssuerInfo = issuer::v1::ServerInfoService;
  NORROY_ASSIGN_OR_RETURN(const auto issuer_channel, context.Issuer());
  const auto issuer = IssuerInfo::NewStub(issuer_channel);
  NORROY_ASSIGN_OR_RETURN(
      const auto issuer_info,
      context.Call(*issuer, &IssuerInfo::Stub::GetServerInfo, issuer::v1::GetServerInfoRequest()));
  info.set_issuer_version(issuer_info.version());
  using ValidatorInfo = validator::v1::ServerInfoService;
  NORROY_ASSIGN_OR_RETURN(const auto validator_channel, context.Validator());
  const auto validator = ValidatorInfo::NewStub(validator_channel);
  NORROY_ASSIGN_OR_RETURN(const auto validator_info,
                          context.Call(*validator, &ValidatorInfo::Stub::GetServerInfo,
                                       validator::v1::GetServerInfoRequest()));
  info.set_validator_version(validator_info.version());
  return absl::OkStatus();
}

}  // namespace

absl::Status ShowVersion(Context& context, bool servers) {
  VersionInfo info;
  info.set_version(kVersion);
  info.set_grpc_version(grpc::Version());
  info.set_protobuf_version(google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION));
  if (servers) NORROY_RETURN_IF_ERROR(AskServers(context, info));
  context.output().Object(info, {{"version", info.version()},
                                 {"gRPC", info.grpc_version()},
                                 {"Protobuf", info.protobuf_version()},
                                 {"issuer", info.issuer_version()},
                                 {"validator", info.validator_version()}});
  return absl::OkStatus();
}

}  // namespace norroy::cli
