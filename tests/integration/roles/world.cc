#include "tests/integration/roles/world.h"

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/config/config.h"
#include "common/crypto/secret.h"
#include "common/identity/identity.h"
#include "common/join/join_token.h"
#include "norroy/config/v1/issuer.pb.h"
#include "norroy/config/v1/validator.pb.h"

namespace norroy::roles {
namespace {

using types::v1::Role;

constexpr absl::Duration kLifetime = absl::Hours(12);

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

identity::Authority ReadRoot(const std::string& folder) {
  return {
      Must(crypto::PrivateKey::ParsePem(crypto::Secret(harness::ReadAll(folder + "/root.key")))),
      Must(crypto::Certificate::ParsePem(harness::ReadAll(folder + "/root.pem")))};
}

}  // namespace

World::World() : dir_(harness::TempDir("roles")) {
  pebble_ = harness::Pebble::Start(dir_, {.http_port = harness::FreePort()});
  norroy_ = harness::Deployment::Start(dir_, *pebble_);
  SwitchReflectionOff();
  // Without a port of its own, which others could take while the agent is stopped.
  const std::string webroot = harness::TempDir("www");
  norroy_->AddAgent("web1", {.patterns = {".example.test"}, .webroot = webroot});
  config::v1::IssuerConfig issuer;
  config::v1::ValidatorConfig validator;
  NORROY_CHECK(config::LoadYaml(norroy_->dir() + "/issuer/issuer.yaml", issuer).ok());
  NORROY_CHECK(config::LoadYaml(norroy_->dir() + "/validator/validator.yaml", validator).ok());
  deployment_name_ = issuer.deployment();
  listeners_ = {{"issuer", issuer.listen(0), types::v1::ROLE_ISSUER},
                {"core", validator.listen(0), types::v1::ROLE_VALIDATOR},
                {"agents", validator.agent_listen(0), types::v1::ROLE_VALIDATOR}};
}

// The harness asks for it, an ordinary deployment does not.
void World::SwitchReflectionOff() {
  for (const char* file : {"/issuer/issuer.yaml", "/validator/validator.yaml"}) {
    const std::string path = norroy_->dir() + file;
    std::string yaml = harness::ReadAll(path);
    NORROY_CHECK(absl::StrReplaceAll({{"reflection: true\n", ""}}, &yaml) == 1);
    harness::WriteAll(path, yaml, 0600);
  }
  for (harness::Process* process : {&norroy_->issuer(), &norroy_->validator()}) {
    process->Signal(SIGTERM);
    NORROY_CHECK(process->Wait(absl::Seconds(20)) == 0);
  }
  norroy_->StartValidator();
  norroy_->StartIssuer();
  NORROY_CHECK(harness::Eventually([&] {
    return norroy_->Cli({"agent", "list"}).code == 0 && norroy_->Cli({"order", "list"}).code == 0;
  }));
}

std::string World::Identity(Role role, absl::Duration when) {
  const std::string agents = norroy_->dir() + "/agents/web1";
  identity::Identity who{deployment_name_, role, "somebody", ""};
  if (role == types::v1::ROLE_AGENT && when == absl::ZeroDuration()) {
    return agents + "/state/identity.pem";
  }
  if (role == types::v1::ROLE_BOOTSTRAP && when == absl::ZeroDuration()) {
    const std::string token = absl::StrCat(dir_, "/token", ++files_);
    norroy_->CliOk({"agent", "token", "create", absl::StrCat("new", files_), "--answer",
                    ".example.test", "--out", token});
    const join::JoinToken read = Must(join::ParseJoinToken(harness::ReadAll(token)));
    NORROY_CHECK(identity::WriteIdentityFile(token + ".pem", read.bootstrap).ok());
    return token + ".pem";
  }
  const absl::string_view domain = identity::RoleDomain(role);
  if (domain == "edge") {
    who.enrollment_id = std::string(32, 'a');
    const identity::Authority root = ReadRoot(norroy_->dir() + "/edge");
    const identity::Authority edge = Must(identity::MakeIntermediate(
        root, "edge", "edge." + deployment_name_, absl::Now() + when, kLifetime));
    return Write(edge, who, {edge.certificate}, when);
  }
  const identity::Authority core = ReadRoot(norroy_->dir() + "/core");
  if (domain == "core") return Write(core, who, {}, when);
  const identity::Authority ci = Must(identity::MakeIntermediate(
      core, "ci", "ci." + deployment_name_, absl::Now() + when, kLifetime));
  return Write(ci, who, {ci.certificate}, when);
}

std::string World::Foreign(Role role, const std::string& deployment) {
  const identity::Authority root =
      Must(identity::MakeRoot("core", deployment, absl::Now(), kLifetime));
  return Write(root, {deployment, role, "somebody", ""}, {}, absl::ZeroDuration());
}

std::string World::Write(const identity::Authority& authority, const identity::Identity& who,
                         const std::vector<crypto::Certificate>& chain, absl::Duration when) {
  const bool server = who.role == types::v1::ROLE_ISSUER || who.role == types::v1::ROLE_VALIDATOR;
  crypto::PrivateKey key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  identity::IdentityFile file{
      key,
      {Must(identity::IssueLeaf(
          authority, key.public_key(),
          {who, server ? std::vector<std::string>{"127.0.0.1"} : std::vector<std::string>{},
           absl::Now() + when, kLifetime}))}};
  file.chain.insert(file.chain.end(), chain.begin(), chain.end());
  const std::string path = absl::StrCat(dir_, "/identity", ++files_, ".pem");
  NORROY_CHECK(identity::WriteIdentityFile(path, file).ok());
  return path;
}

}  // namespace norroy::roles
