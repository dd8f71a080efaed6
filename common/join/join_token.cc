#include "common/join/join_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/join/join_token.pb.h"
#include "common/status_macros.h"

namespace norroy::join {
namespace {

constexpr char kFirstLine[] = "norroy join token v1\n";
constexpr char kLabel[] = "NORROY JOIN TOKEN";
constexpr int kMaxBootstrapChain = 4;
constexpr size_t kMaxAddress = 262;  // 253 characters of host, brackets, colon, port

absl::Status Bad(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_JOIN_TOKEN",
                   absl::StrCat("join token: ", what));
}

bool IsTokenId(absl::string_view id) {
  if (id.size() != 32) return false;
  for (char c : id) {
    if (!absl::ascii_isdigit(c) && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

absl::Status CheckBootstrap(const JoinToken& token) {
  const auto& chain = token.bootstrap.chain;
  if (chain.empty() || chain.size() > kMaxBootstrapChain) {
    return Bad(absl::StrFormat("the bootstrap chain has %d certificates, not 1 to %d", chain.size(),
                               kMaxBootstrapChain));
  }
  if (chain.front().spki_der() != token.bootstrap.key.public_key().spki_der()) {
    return Bad("the bootstrap certificate does not belong to the bootstrap key");
  }
  auto identity = identity::Identity::OfCertificate(chain.front());
  if (!identity.ok()) return Bad(identity.status().message());
  const identity::Identity expected = {token.deployment, types::v1::ROLE_BOOTSTRAP,
                                       token.agent_name, token.token_id};
  if (*identity != expected) {
    return Bad(absl::StrCat("the bootstrap certificate is for ", identity->Uri(), ", not for ",
                            expected.Uri()));
  }
  return absl::OkStatus();
}

absl::Status Check(const JoinToken& token) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(token.deployment));
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent", token.agent_name));
  if (!IsTokenId(token.token_id)) return Bad("the token id is not 32 hexadecimal digits");
  if (token.validators.empty() || token.validators.size() > kMaxValidators) {
    return Bad(absl::StrFormat("it names %d validators, not 1 to %d", token.validators.size(),
                               kMaxValidators));
  }
  for (const std::string& address : token.validators) {
    NORROY_RETURN_IF_ERROR(CheckValidatorAddress(address));
  }
  if (!token.core_root.is_ca() || !token.core_root.IsSignedBy(token.core_root)) {
    return Bad("the core root is not a self-signed CA certificate");
  }
  if (token.expire_time <= absl::UnixEpoch() ||
      token.expire_time > absl::FromUnixSeconds(253402300799)) {  // the end of the year 9999
    return Bad("the expiry is no date of this age");
  }
  return CheckBootstrap(token);
}

// The lines for people.
std::string Head(const JoinToken& token) {
  return absl::StrCat(
      kFirstLine, "deployment: ", token.deployment, "\nagent: ", token.agent_name,
      "\nvalidators: ", absl::StrJoin(token.validators, " "),
      "\ncore root sha256: ", token.core_root_sha256(),
      "\nexpires: ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", token.expire_time, absl::UTCTimeZone()),
      "\n");
}

absl::StatusOr<JoinToken> FromBody(const v1::JoinTokenBody& body) {
  auto root = crypto::Certificate::ParseDer(body.core_root());
  if (!root.ok()) return Bad(absl::StrCat("the core root: ", root.status().message()));
  auto key = crypto::PrivateKey::ParsePem(crypto::Secret(body.bootstrap_key()));
  if (!key.ok()) return Bad(absl::StrCat("the bootstrap key: ", key.status().message()));
  if (body.bootstrap_chain_size() > kMaxBootstrapChain) return Bad("the bootstrap chain is long");
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : body.bootstrap_chain()) {
    auto certificate = crypto::Certificate::ParseDer(der);
    if (!certificate.ok()) {
      return Bad(absl::StrCat("the bootstrap chain: ", certificate.status().message()));
    }
    chain.push_back(*std::move(certificate));
  }
  JoinToken token = {.deployment = body.deployment(),
                     .agent_name = body.agent_name(),
                     .token_id = body.token_id(),
                     .validators = {body.validators().begin(), body.validators().end()},
                     .core_root = *std::move(root),
                     .bootstrap = {*std::move(key), std::move(chain)},
                     .expire_time = absl::FromUnixSeconds(body.expire_unix_seconds())};
  NORROY_RETURN_IF_ERROR(Check(token));
  return token;
}

absl::Status FileError(const std::string& path, absl::string_view verb) {
  const int error = errno;
  const auto code =
      error == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition;
  return absl::Status(code, absl::StrCat(path, ": cannot ", verb, ": ", std::strerror(error)));
}

}  // namespace

absl::Status CheckValidatorAddress(absl::string_view address) {
  const auto bad = [address](absl::string_view why) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
                     absl::StrCat("\"", Printable(address, kMaxAddress), "\" ", why,
                                  "; write host:port or [2001:db8::1]:port"));
  };
  if (address.size() > kMaxAddress) return bad("is too long");
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return bad("has no port");
  absl::string_view host = address.substr(0, colon);
  const absl::string_view digits = address.substr(colon + 1);
  int port = 0;
  if (digits.empty() || digits.size() > 5 || !absl::ascii_isdigit(digits[0]) ||
      !absl::SimpleAtoi(digits, &port) || port < 1 || port > 65535) {
    return bad("has no port between 1 and 65535");
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad("has no host");
  for (char c : host) {
    // Nothing that gRPC could take for a scheme or a path.
    const bool plain = absl::ascii_isalnum(c) || c == '-' || c == '.';
    if (!plain && !(bracketed && c == ':')) return bad("is not a host and a port");
  }
  return absl::OkStatus();
}

absl::StatusOr<crypto::Secret> SerializeJoinToken(const JoinToken& token) {
  NORROY_RETURN_IF_ERROR(Check(token));
  v1::JoinTokenBody body;
  body.set_deployment(token.deployment);
  body.set_agent_name(token.agent_name);
  body.set_token_id(token.token_id);
  for (const std::string& address : token.validators) body.add_validators(address);
  body.set_core_root(token.core_root.der());
  const crypto::Secret key = token.bootstrap.key.ToPem();
  body.set_bootstrap_key(std::string(key.Expose()));
  for (const auto& certificate : token.bootstrap.chain) {
    body.add_bootstrap_chain(certificate.der());
  }
  body.set_expire_unix_seconds(absl::ToUnixSeconds(token.expire_time));
  std::string text = absl::StrCat(Head(token), crypto::PemEncode(kLabel, body.SerializeAsString()));
  if (text.size() > kMaxJoinTokenFile) return Bad("it is over 16 KiB");
  return crypto::Secret::Take(text);
}

absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text) {
  if (text.size() > kMaxJoinTokenFile) return Bad("the file is over 16 KiB");
  // A mail program or an editor may have made the line ends its own.
  const std::string unix_text = absl::StrReplaceAll(text, {{"\r\n", "\n"}});
  if (!absl::StartsWith(unix_text, kFirstLine)) {
    return Bad(
        "the first line is not \"norroy join token v1\"; is this the file that "
        "`norroy agent token create` wrote?");
  }
  auto blocks = crypto::PemDecode(unix_text);
  if (!blocks.ok()) return Bad(blocks.status().message());
  if (blocks->size() != 1 || blocks->front().label != kLabel) {
    return Bad("the file does not have exactly one NORROY JOIN TOKEN block");
  }
  v1::JoinTokenBody body;
  if (!body.ParseFromString(blocks->front().der)) return Bad("the block does not read");
  NORROY_ASSIGN_OR_RETURN(JoinToken token, FromBody(body));
  const std::string expected = absl::StrCat(Head(token), "-----BEGIN ");
  if (!absl::StartsWith(unix_text, expected)) {
    return Bad("the lines above the block do not say what the block says; make a new token");
  }
  return token;
}

absl::Status WriteJoinToken(const std::string& path, const JoinToken& token) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret text, SerializeJoinToken(token));
  return identity::WriteFileAtomically(path, text.Expose(), 0600);
}

absl::StatusOr<JoinToken> ReadJoinToken(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return FileError(path, "open");
  absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return FileError(path, "stat");
  if (!S_ISREG(info.st_mode)) return Bad(absl::StrCat(path, " is not a regular file"));
  if ((info.st_mode & 077) != 0) {
    return Bad(absl::StrFormat("%s has mode %04o and holds a private key; make it 0600", path,
                               info.st_mode & 07777));
  }
  std::string text(kMaxJoinTokenFile + 1, '\0');
  absl::Cleanup wipe = [&text] { crypto::Secret::Take(text); };
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = read(fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(path, "read");
    if (got == 0) break;
    have += got;
  }
  auto token = ParseJoinToken(absl::string_view(text).substr(0, have));
  if (!token.ok()) return WithContext(token.status(), path);
  return token;
}

}  // namespace norroy::join
