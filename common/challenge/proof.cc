#include "common/challenge/proof.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::challenge {
namespace {

constexpr size_t kMaxTokenLength = 256;
constexpr size_t kThumbprintLength = 43;  // 32 bytes in base64url
constexpr absl::string_view kRehearsalEnd = ".rehearsal";

absl::Status BadProof(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PROOF", problem);
}

bool IsBase64Url(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

// 43 characters hold 258 bits: the last two must be zero, or two texts would mean one thumbprint.
bool IsThumbprint(absl::string_view text) {
  return text.size() == kThumbprintLength && IsBase64Url(text) &&
         absl::string_view("AEIMQUYcgkosw048").find(text.back()) != absl::string_view::npos;
}

// What no CA may ask, so what no proof may answer.
absl::Status CheckTypeFits(const Name& name, ChallengeType type) {
  const bool ip = name.identifier().type() == IdentifierType::kIp;
  // RFC 8738 7: dns-01 MUST NOT be used for IP addresses.
  if (ip && type == ChallengeType::kDns01) {
    return BadProof(absl::StrCat("dns-01 cannot prove the address ", name.text()));
  }
  if (ip && name.wildcard()) {
    return BadProof(absl::StrCat("wildcard below the address ", name.identifier().value()));
  }
  if (name.wildcard() && type != ChallengeType::kDns01) {
    return BadProof(absl::StrCat(ChallengeTypeName(type), " cannot prove the wildcard ",
                                 name.text(), "; only dns-01 can"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view ChallengeTypeName(ChallengeType type) {
  switch (type) {
    case ChallengeType::kHttp01:
      return "http-01";
    case ChallengeType::kDns01:
      return "dns-01";
    case ChallengeType::kTlsAlpn01:
      return "tls-alpn-01";
  }
  return "";
}

absl::StatusOr<ChallengeType> ParseChallengeType(absl::string_view name) {
  for (const ChallengeType type :
       {ChallengeType::kHttp01, ChallengeType::kDns01, ChallengeType::kTlsAlpn01}) {
    if (name == ChallengeTypeName(type)) return type;
  }
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_CHALLENGE_TYPE",
                   absl::StrCat("unknown challenge type \"", Printable(name, 64),
                                "\"; known are http-01, dns-01 and tls-alpn-01"));
}

absl::StatusOr<Token> Token::Parse(absl::string_view text) {
  if (text.empty() || text.size() > kMaxTokenLength) {
    return BadProof(absl::StrCat("token of ", text.size(), " characters; 1 to ", kMaxTokenLength,
                                 " are allowed (RFC 8555 8.1)"));
  }
  if (!IsBase64Url(text)) {
    return BadProof(
        absl::StrCat("token \"", Printable(text, 64),
                     "\" has characters outside the base64url alphabet (RFC 8555 8.1)"));
  }
  return Token(std::string(text));
}

absl::StatusOr<KeyAuthorization> KeyAuthorization::Make(const Token& token,
                                                        absl::string_view thumbprint) {
  if (!IsThumbprint(thumbprint)) {
    return BadProof(absl::StrCat("account key thumbprint is not ", kThumbprintLength,
                                 " characters of base64url for 32 bytes (RFC 7638)"));
  }
  return KeyAuthorization(absl::StrCat(token.value(), ".", thumbprint));
}

KeyAuthorization KeyAuthorization::Rehearsal(const Token& token) {
  return KeyAuthorization(absl::StrCat(token.value(), kRehearsalEnd));
}

// A token has no dot, and a thumbprint is longer.
bool KeyAuthorization::is_rehearsal() const { return absl::EndsWith(value_, kRehearsalEnd); }

absl::StatusOr<KeyAuthorization> KeyAuthorization::Parse(absl::string_view text,
                                                         const Token& token) {
  if (!absl::ConsumePrefix(&text, token.value()) || !absl::ConsumePrefix(&text, ".")) {
    return BadProof("key authorization does not begin with its challenge's token and a dot");
  }
  if (absl::StrCat(".", text) == kRehearsalEnd) return Rehearsal(token);
  return Make(token, text);
}

std::string Proof::http_path() const {
  // RFC 8555 8.3: the path component of the challenge URL.
  return absl::StrCat("/.well-known/acme-challenge/", token.value());
}

std::string Proof::dns_owner() const {
  return absl::StrCat("_acme-challenge.", name.identifier().value());
}

std::string Proof::dns_value() const {
  return crypto::Base64Url(crypto::Sha256(key_authorization.value()));
}

std::string Proof::alpn_digest() const { return crypto::Sha256(key_authorization.value()); }

std::string Proof::alpn_server_name() const {
  const Identifier& identifier = name.identifier();
  if (identifier.type() == IdentifierType::kDns) return identifier.value();
  // RFC 8738 6: the reverse-DNS name (RFC 1034 5.2.1, RFC 3596 2.5).
  unsigned char bytes[16];
  if (inet_pton(AF_INET, identifier.value().c_str(), bytes) == 1) {
    return absl::StrCat(bytes[3], ".", bytes[2], ".", bytes[1], ".", bytes[0], ".in-addr.arpa");
  }
  NORROY_CHECK(inet_pton(AF_INET6, identifier.value().c_str(), bytes) == 1);
  std::string text;
  for (int i = 15; i >= 0; --i) {
    absl::StrAppend(&text, absl::Hex(bytes[i] & 15), ".", absl::Hex(bytes[i] >> 4), ".");
  }
  return absl::StrCat(text, "ip6.arpa");
}

types::v1::Identifier ToProto(const Identifier& identifier) {
  types::v1::Identifier proto;
  proto.set_type(identifier.type() == IdentifierType::kDns ? types::v1::IDENTIFIER_TYPE_DNS
                                                           : types::v1::IDENTIFIER_TYPE_IP);
  proto.set_value(identifier.value());
  return proto;
}

absl::StatusOr<Identifier> FromProto(const types::v1::Identifier& proto) {
  if (proto.type() != types::v1::IDENTIFIER_TYPE_DNS &&
      proto.type() != types::v1::IDENTIFIER_TYPE_IP) {
    return BadProof(absl::StrCat("identifier type ", static_cast<int>(proto.type()),
                                 " is not known; dns is 1, ip is 2"));
  }
  const IdentifierType type =
      proto.type() == types::v1::IDENTIFIER_TYPE_DNS ? IdentifierType::kDns : IdentifierType::kIp;
  NORROY_ASSIGN_OR_RETURN(Identifier identifier, Identifier::Parse(type, proto.value()));
  // Identifiers of ours travel in one form only, so what is compared as bytes elsewhere is equal.
  if (identifier.value() != proto.value()) {
    return BadProof(absl::StrCat("identifier \"", Printable(proto.value()),
                                 "\" is not in its normal form, \"", identifier.value(), "\""));
  }
  return identifier;
}

types::v1::ChallengeType ToProto(ChallengeType type) {
  switch (type) {
    case ChallengeType::kHttp01:
      return types::v1::CHALLENGE_TYPE_HTTP_01;
    case ChallengeType::kDns01:
      return types::v1::CHALLENGE_TYPE_DNS_01;
    case ChallengeType::kTlsAlpn01:
      return types::v1::CHALLENGE_TYPE_TLS_ALPN_01;
  }
  return types::v1::CHALLENGE_TYPE_UNSPECIFIED;
}

absl::StatusOr<ChallengeType> FromProto(types::v1::ChallengeType type) {
  switch (type) {
    case types::v1::CHALLENGE_TYPE_HTTP_01:
      return ChallengeType::kHttp01;
    case types::v1::CHALLENGE_TYPE_DNS_01:
      return ChallengeType::kDns01;
    case types::v1::CHALLENGE_TYPE_TLS_ALPN_01:
      return ChallengeType::kTlsAlpn01;
    default:
      return BadProof(absl::StrCat("challenge type ", static_cast<int>(type),
                                   " is not known; http-01 is 1, dns-01 is 2, tls-alpn-01 is 3"));
  }
}

types::v1::Proof ToProto(const Proof& proof) {
  types::v1::Proof proto;
  *proto.mutable_identifier() = ToProto(proof.name.identifier());
  proto.set_wildcard(proof.name.wildcard());
  proto.set_type(ToProto(proof.type));
  proto.set_token(proof.token.value());
  proto.set_key_authorization(proof.key_authorization.value());
  return proto;
}

absl::StatusOr<Proof> FromProto(const types::v1::Proof& proto) {
  NORROY_ASSIGN_OR_RETURN(Identifier identifier, FromProto(proto.identifier()));
  Name name = Name::Of(std::move(identifier), proto.wildcard());
  NORROY_ASSIGN_OR_RETURN(const ChallengeType type, FromProto(proto.type()));
  NORROY_RETURN_IF_ERROR(CheckTypeFits(name, type));
  NORROY_ASSIGN_OR_RETURN(Token token, Token::Parse(proto.token()));
  NORROY_ASSIGN_OR_RETURN(KeyAuthorization key_authorization,
                          KeyAuthorization::Parse(proto.key_authorization(), token));
  return Proof{std::move(name), type, std::move(token), std::move(key_authorization)};
}

}  // namespace norroy::challenge
