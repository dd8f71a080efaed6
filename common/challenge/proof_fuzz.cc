// Proofs of any name, token and account: what they say to serve is one file below the challenge
// folder, one TXT record, one digest, and they survive the wire. The input is name, token,
// thumbprint and type, divided by zeros.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/challenge/proof.h"
#include "common/check.h"
#include "common/error/error.h"

namespace {

using norroy::challenge::ChallengeType;
using norroy::challenge::IdentifierType;
using norroy::challenge::KeyAuthorization;
using norroy::challenge::Name;
using norroy::challenge::Proof;
using norroy::challenge::Token;

constexpr char kFolder[] = "/.well-known/acme-challenge";

void CheckToken(absl::string_view text) {
  const absl::StatusOr<Token> token = Token::Parse(text);
  if (!token.ok()) {
    NORROY_CHECK(norroy::Printable(token.status().message(), 8192) == token.status().message());
    return;
  }
  NORROY_CHECK(token->value() == text);
  // Nothing that a file system or a URL would read as something else.
  const std::filesystem::path path(absl::StrCat(kFolder, "/", text));
  NORROY_CHECK(path.lexically_normal() == path && path.parent_path() == kFolder);
  NORROY_CHECK(!absl::StartsWith(text, "."));
}

void CheckProof(const Proof& proof) {
  const std::string& token = proof.token.value();
  NORROY_CHECK(proof.http_path() == absl::StrCat(kFolder, "/", token));
  NORROY_CHECK(absl::StartsWith(proof.key_authorization.value(), absl::StrCat(token, ".")));
  NORROY_CHECK(proof.alpn_digest().size() == 32 && proof.dns_value().size() == 43);
  const bool dns = proof.name.identifier().type() == IdentifierType::kDns;
  if (dns) {
    NORROY_CHECK(proof.dns_owner() ==
                 absl::StrCat("_acme-challenge.", proof.name.identifier().value()));
  }
  const std::string server = proof.alpn_server_name();
  NORROY_CHECK(dns ? server == proof.name.identifier().value()
                   : absl::EndsWith(server, ".in-addr.arpa") ||
                         absl::EndsWith(server, ".ip6.arpa"));
  NORROY_CHECK(norroy::challenge::FromProto(norroy::challenge::ToProto(proof)).value() == proof);
#ifdef PLANTED
  NORROY_CHECK(dns || token.size() < 20 || !absl::StrContains(token, "-_"));
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> parts = absl::StrSplit(input, absl::MaxSplits('\0', 3));
  if (parts.size() < 4) return -1;
  CheckToken(parts[1]);
  const absl::StatusOr<Name> name = Name::Parse(parts[0]);
  const absl::StatusOr<Token> token = Token::Parse(parts[1]);
  const absl::StatusOr<ChallengeType> type = norroy::challenge::ParseChallengeType(parts[3]);
  if (!name.ok() || !token.ok() || !type.ok()) return 0;
  const absl::StatusOr<KeyAuthorization> made = KeyAuthorization::Make(*token, parts[2]);
  const absl::StatusOr<KeyAuthorization> read = KeyAuthorization::Parse(parts[2], *token);
  // One that was read is of this token alone.
  NORROY_CHECK(!read.ok() || absl::StartsWith(parts[2], absl::StrCat(token->value(), ".")));
  const KeyAuthorization authorization = made.ok()   ? *made
                                         : read.ok() ? *read
                                                     : KeyAuthorization::Rehearsal(*token);
  NORROY_CHECK(KeyAuthorization::Parse(authorization.value(), *token).value() == authorization);
  if (!authorization.is_rehearsal()) {
    const absl::StatusOr<Token> longer = Token::Parse(absl::StrCat(token->value(), "x"));
    NORROY_CHECK(!longer.ok() || !KeyAuthorization::Parse(authorization.value(), *longer).ok());
  }
  CheckProof({.name = *name, .type = *type, .token = *token, .key_authorization = authorization});
  return 0;
}
