#include "cli/login.h"

#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/https_post.h"
#include "cli/layout.h"
#include "cli/result.pb.h"
#include "cli/text.h"
#include "common/config/config.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "common/crypto/secret_file.h"
#include "common/crypto/tls.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/sign_in.pb.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxTokenFile = 12 * 1024 + 2;
constexpr char kPath[] = "/v1/sign-in";
constexpr char kRequesterIdentity[] = "identity.pem";
constexpr char kRequesterCoreRoot[] = "core-root.pem";

using Roots = std::vector<crypto::Certificate>;

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

absl::StatusOr<crypto::Secret> ReadToken(const LoginOptions& options) {
  if (options.oidc_token_file.empty() == options.token_file.empty()) {
    return Usage("give --oidc-token-file, or --token-file for a static API token");
  }
  std::string text;
  if (!options.token_file.empty()) {
    NORROY_ASSIGN_OR_RETURN(const crypto::Secret secret,
                            crypto::ReadSecretFile(options.token_file));
    text = std::string(secret.Expose());
  } else {
    // CI systems write it as they please; it is good for minutes.
    NORROY_ASSIGN_OR_RETURN(text, identity::ReadFile(options.oidc_token_file, kMaxTokenFile));
  }
  absl::StripAsciiWhitespace(&text);
  if (text.empty()) return Usage("the token's file is empty");
  return crypto::Secret::Take(text);
}

// Who signs in here, and what is believed of the other side.
struct Place {
  Address door;
  Roots roots;
  std::string core_root_file;
  std::string deployment;
};

absl::StatusOr<Place> FindPlace(Context& context, const LoginOptions& options) {
  Place place;
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, context.Config());
  const std::string door = options.door.empty() ? config.door() : options.door;
  if (door.empty()) return Usage("no sign-in door: give --door HOST:PORT, or set NORROY_DOOR");
  NORROY_ASSIGN_OR_RETURN(place.door, ParseAddress("--door", door));
  NORROY_ASSIGN_OR_RETURN(place.core_root_file, context.CoreRootFile());
  NORROY_ASSIGN_OR_RETURN(place.roots, identity::ReadRoots(place.core_root_file));
  NORROY_ASSIGN_OR_RETURN(const identity::TrustDomain trust,
                          identity::TrustDomain::OfAuthority(place.roots[0]));
  place.deployment = trust.deployment;
  return place;
}

absl::Status BelieveIssuer(const Place& place, const std::vector<crypto::Certificate>& chain,
                           absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::Identity server,
                          identity::VerifyIdentity(chain, place.roots, place.deployment, now));
  if (server.role == types::v1::ROLE_ISSUER) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_SERVER",
                   absl::StrCat("it is ", server.Uri(), ", not an issuer"));
}

absl::Status ErrorOf(const HttpsAnswer& answer) {
  issuer::v1::SignInError error;
  const bool ours = google::protobuf::util::JsonStringToMessage(answer.body, &error).ok();
  std::string message =
      ours ? Printable(error.message()) : absl::StrCat("HTTP status ", answer.status);
  const std::string reason = ours && !error.reason().empty() ? error.reason() : "SIGN_IN_FAILED";
  absl::StatusCode code = absl::StatusCode::kUnknown;
  if (answer.status == 400 || answer.status == 413) code = absl::StatusCode::kInvalidArgument;
  if (answer.status == 401) code = absl::StatusCode::kUnauthenticated;
  if (answer.status == 503) code = absl::StatusCode::kUnavailable;
  if (answer.status == 429) {
    code = absl::StatusCode::kResourceExhausted;
    absl::StrAppend(&message, "; try again in ", Printable(answer.retry_after, 16), " s");
  }
  return MakeError(code, Printable(reason, 64), absl::StrCat("signing in: ", message));
}

absl::StatusOr<issuer::v1::SignInResponse> SignIn(const Place& place, const crypto::Secret& token,
                                                  const std::string& csr, Clock& clock) {
  issuer::v1::SignInRequest request;
  request.set_token(std::string(token.Expose()));
  request.set_csr(csr);
  HttpsPost post{.host = place.door.host, .port = place.door.port, .path = kPath};
  if (!google::protobuf::util::MessageToJsonString(request, &post.body).ok()) {
    return Usage("the token is not text");
  }
  crypto::TlsClient tls([&](const std::vector<crypto::Certificate>& chain) {
    return BelieveIssuer(place, chain, clock.Now());
  });
  NORROY_ASSIGN_OR_RETURN(const HttpsAnswer answer, PostHttps(post, tls));
  if (answer.status != 200) return ErrorOf(answer);
  issuer::v1::SignInResponse response;
  if (google::protobuf::util::JsonStringToMessage(answer.body, &response).ok()) return response;
  return absl::InternalError("signing in: the answer is not what it should be");
}

// What came is ours, and leads where it must.
absl::StatusOr<identity::Identity> CheckChain(const Place& place, const crypto::PrivateKey& key,
                                              const std::vector<crypto::Certificate>& chain,
                                              absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(identity::Identity identity,
                          identity::VerifyIdentity(chain, place.roots, place.deployment, now));
  if (identity.role == types::v1::ROLE_REQUESTER &&
      chain[0].spki_der() == key.public_key().spki_der()) {
    return identity;
  }
  return absl::InternalError(
      "signing in: the certificate that came is not a requester's for our key");
}

absl::StatusOr<std::vector<crypto::Certificate>> ParseChain(absl::string_view pem) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<crypto::PemBlock> blocks, crypto::PemDecode(pem));
  std::vector<crypto::Certificate> chain;
  for (const crypto::PemBlock& block : blocks) {
    NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate,
                            crypto::Certificate::ParseDer(block.der));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

// An operator's identity is worth more than a requester's of ten minutes.
absl::Status CheckMayReplace(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile old, identity::ReadIdentityFile(file));
  const auto identity = identity::Identity::OfCertificate(old.chain[0]);
  if (identity.ok() && identity->role == types::v1::ROLE_REQUESTER) return absl::OkStatus();
  return Usage(absl::StrCat(file, " is the identity of ",
                            identity.ok() ? identity->Principal() : "somebody else",
                            "; give --out FILE for yours"));
}

// Where the identity goes, and whether norroy.yaml must be written.
struct Target {
  std::string file;
  std::string new_config_dir;  // empty: there is one
};

absl::StatusOr<Target> FindTarget(Context& context, const std::string& out) {
  std::error_code error;
  if (!out.empty()) return Target{std::filesystem::absolute(out, error).string(), ""};
  NORROY_ASSIGN_OR_RETURN(const ClientConfig config, context.Config());
  if (!config.identity_file().empty()) return Target{config.identity_file(), ""};
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  Target target{absl::StrCat(dir, "/", kRequesterIdentity), dir};
  if (std::filesystem::exists(absl::StrCat(dir, "/", layout::kClientConfig), error)) {
    target.new_config_dir = "";
  }
  return target;
}

absl::Status WriteConfig(Context& context, const std::string& dir, const Place& place) {
  NORROY_ASSIGN_OR_RETURN(const ClientConfig known, context.Config());
  const std::string root = absl::StrCat(dir, "/", kRequesterCoreRoot);
  NORROY_RETURN_IF_ERROR(
      identity::WriteFileAtomically(root, identity::RootsToPem(place.roots), 0644));
  ClientConfig config;
  config.set_issuer(known.issuer());
  config.set_door(place.door.text());
  config.set_identity_file(kRequesterIdentity);
  config.set_core_root_file(kRequesterCoreRoot);
  return identity::WriteFileAtomically(absl::StrCat(dir, "/", layout::kClientConfig),
                                       config::ToYaml(config), 0600);
}

}  // namespace

absl::Status Login(Context& context, const LoginOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret token, ReadToken(options));
  NORROY_ASSIGN_OR_RETURN(const Place place, FindPlace(context, options));
  NORROY_ASSIGN_OR_RETURN(const Target target, FindTarget(context, options.out));
  NORROY_RETURN_IF_ERROR(CheckMayReplace(target.file));
  NORROY_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  NORROY_ASSIGN_OR_RETURN(const std::string csr, crypto::BuildCsr(key, {}));
  NORROY_ASSIGN_OR_RETURN(const issuer::v1::SignInResponse response,
                          SignIn(place, token, csr, context.clock()));
  NORROY_ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain,
                          ParseChain(response.certificate_chain_pem()));
  NORROY_ASSIGN_OR_RETURN(const identity::Identity identity,
                          CheckChain(place, key, chain, context.clock().Now()));
  NORROY_RETURN_IF_ERROR(MakeFolder(std::filesystem::path(target.file).parent_path().string()));
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(target.file, {key, chain}));
  if (!target.new_config_dir.empty()) {
    NORROY_RETURN_IF_ERROR(WriteConfig(context, target.new_config_dir, place));
  }
  LoginResult result;
  result.set_principal(identity.Principal());
  result.set_file(target.file);
  *result.mutable_expire_time() = ToProto(chain[0].not_after());
  context.output().Object(result, {{"principal", result.principal()},
                                   {"until", TimeText(result.expire_time())},
                                   {"file", result.file()}});
  return absl::OkStatus();
}

}  // namespace norroy::cli
