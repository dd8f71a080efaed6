#include "cli/context.h"

#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/dialing.h"
#include "cli/layout.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

}  // namespace

absl::StatusOr<std::string> ResolveDir(const std::string& option) {
  std::string dir = option.empty() ? Environment("NORROY_DIR") : option;
  if (dir.empty()) {
    const std::string home = Environment("HOME");
    if (home.empty()) return Usage("no directory: give --dir, or set NORROY_DIR or HOME");
    dir = home + "/.norroy";
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(dir, error);
  if (error) return Usage(absl::StrCat("--dir ", Printable(dir), ": ", error.message()));
  std::string text = path.lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Context::Context(Options options, Output& output, Clock& clock)
    : options_(std::move(options)), output_(output), clock_(clock) {}

absl::StatusOr<std::string> Context::Dir() { return ResolveDir(options_.dir); }

absl::StatusOr<ClientConfig> Context::Config() {
  ClientConfig config;
  NORROY_ASSIGN_OR_RETURN(const std::string dir, Dir());
  const std::string path = dir + "/" + layout::kClientConfig;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    NORROY_RETURN_IF_ERROR(config::LoadYaml(path, config));
  }
  const auto choose = [](const std::string& flag, const std::string& environment,
                         const std::string& file) {
    return !flag.empty() ? flag : !environment.empty() ? environment : file;
  };
  config.set_issuer(choose(options_.issuer, Environment("NORROY_ISSUER"), config.issuer()));
  config.set_validator(
      choose(options_.validator, Environment("NORROY_VALIDATOR"), config.validator()));
  config.set_door(choose("", Environment("NORROY_DOOR"), config.door()));
  const auto in_dir = [&](const std::string& file) {
    return file.empty() ? "" : config::ResolvePath(path, file);
  };
  config.set_identity_file(choose(options_.identity_file, "", in_dir(config.identity_file())));
  config.set_core_root_file(choose(options_.core_root_file, "", in_dir(config.core_root_file())));
  return config;
}

absl::StatusOr<identity::Identity> Context::Identity() {
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, Config());
  if (config.identity_file().empty()) {
    NORROY_ASSIGN_OR_RETURN(const std::string dir, Dir());
    return Usage(absl::StrCat("no identity: ", dir, "/", layout::kClientConfig,
                              " does not name one; run \"norroy init\", or give --dir, or "
                              "--identity and --core-root"));
  }
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file,
                          identity::ReadIdentityFile(config.identity_file()));
  const crypto::Certificate& certificate = file.chain.front();
  if (certificate.not_after() <= clock_.Now()) {
    return MakeError(
        absl::StatusCode::kUnauthenticated, "IDENTITY_EXPIRED",
        absl::StrCat(config.identity_file(), " ended at ",
                     absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()),
                     "; run \"norroy login\" again, or \"norroy identity renew\" where "
                     "the core root's key is"));
  }
  return identity::Identity::OfCertificate(certificate);
}

absl::StatusOr<std::string> Context::CoreRootFile() {
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, Config());
  if (config.core_root_file().empty()) {
    return Usage("no core root: give --core-root, or core_root_file in norroy.yaml");
  }
  return config.core_root_file();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Context::Issuer() {
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, Config());
  if (config.issuer().empty()) {
    return Usage(
        "no issuer: give --issuer HOST:PORT[,HOST:PORT...], or set NORROY_ISSUER, or run \"norroy "
        "init\"");
  }
  return Dial(config.issuer(), types::v1::ROLE_ISSUER);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Context::Validator() {
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, Config());
  if (config.validator().empty()) {
    return Usage(
        "no validator: give --validator HOST:PORT[,HOST:PORT...], or set NORROY_VALIDATOR, or run "
        "\"norroy "
        "init\"");
  }
  return Dial(config.validator(), types::v1::ROLE_VALIDATOR);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Context::Dial(const std::string& target,
                                                             types::v1::Role role) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> addresses, ParseAddresses(target));
  NORROY_ASSIGN_OR_RETURN(const identity::Identity identity, Identity());
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, Config());
  NORROY_ASSIGN_OR_RETURN(const std::string core_root_file, CoreRootFile());
  NORROY_ASSIGN_OR_RETURN(
      const auto credentials,
      rpc::ClientCredentials({config.identity_file(), core_root_file}, identity.deployment, role));
  return DialAny(addresses, credentials);
}

void Context::SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(clock_.Now() + timeout));
}

absl::Status Context::FromCall(const grpc::Status& status) {
  const absl::Status error = rpc::FromGrpc(status);
  // Without a reason it did not come from our server: the transport or the deadline spoke.
  if (error.ok() || !ErrorReason(error).empty()) return error;
  if (error.code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::UnavailableError(
        absl::StrCat("the server did not answer within ", absl::FormatDuration(kCallTimeout)));
  }
  if (error.code() == absl::StatusCode::kUnavailable) {
    return WithContext(error, "cannot reach the server");
  }
  return error;
}

}  // namespace norroy::cli
