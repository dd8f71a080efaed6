#include "cli/join.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/crypto/certificate.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/join/join_token.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using Admin = validator::v1::AgentAdminService;

constexpr size_t kMaxRootFile = 64 * 1024;

absl::StatusOr<join::JoinToken> MakeToken(Context& context, const Invitation& invitation,
                                          crypto::PrivateKey key,
                                          const validator::v1::CreateJoinTokenResponse& response) {
  NORROY_ASSIGN_OR_RETURN(const identity::Identity self, context.Identity());
  NORROY_ASSIGN_OR_RETURN(const std::string root_file, context.CoreRootFile());
  NORROY_ASSIGN_OR_RETURN(const std::string root_pem, identity::ReadFile(root_file, kMaxRootFile));
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate root, crypto::Certificate::ParsePem(root_pem));
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : response.certificate_chain()) {
    NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::ParseDer(der));
    chain.push_back(std::move(certificate));
  }
  return join::JoinToken{self.deployment,
                         invitation.agent,
                         response.token_id(),
                         {response.agent_addresses().begin(), response.agent_addresses().end()},
                         std::move(root),
                         {std::move(key), std::move(chain)},
                         absl::FromUnixSeconds(response.expire_time().seconds())};
}

}  // namespace

absl::StatusOr<JoinTokenFile> InviteAgent(Context& context, const Invitation& invitation) {
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  validator::v1::CreateJoinTokenRequest request;
  request.set_name(invitation.agent);
  *request.add_grants() = invitation.grant;
  NORROY_ASSIGN_OR_RETURN(*request.mutable_csr(), crypto::BuildCsr(key, {}));
  *request.mutable_expire_time() = ToProto(context.clock().Now() + invitation.lifetime);
  request.set_replace(invitation.replace);
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Validator());
  const auto admin = Admin::NewStub(channel);
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*admin, &Admin::Stub::CreateJoinToken, request));
  NORROY_ASSIGN_OR_RETURN(const join::JoinToken token,
                          MakeToken(context, invitation, std::move(key), response));
  NORROY_RETURN_IF_ERROR(join::WriteJoinToken(invitation.file, token));
  JoinTokenFile made;
  made.set_token_id(response.token_id());
  made.set_agent(invitation.agent);
  made.set_file(invitation.file);
  *made.mutable_expire_time() = response.expire_time();
  return made;
}

}  // namespace norroy::cli
