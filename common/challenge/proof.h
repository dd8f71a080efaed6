#ifndef NORROY_COMMON_CHALLENGE_PROOF_H_
#define NORROY_COMMON_CHALLENGE_PROOF_H_

// One name's answer to one challenge (RFC 8555 8), and what is derived from it. Pure values: made
// by the issuer, read by agents from a verified seal and from nowhere else.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"
#include "norroy/types/v1/identifier.pb.h"
#include "norroy/types/v1/proof.pb.h"

namespace norroy::challenge {

enum class ChallengeType { kHttp01, kDns01, kTlsAlpn01 };

// "http-01", "dns-01", "tls-alpn-01" (RFC 8555 9.7.8, RFC 8737 6.3).
absl::string_view ChallengeTypeName(ChallengeType type);
// NOT_FOUND for a type we do not know: to be ignored, not an error of the CA.
absl::StatusOr<ChallengeType> ParseChallengeType(absl::string_view name);

// A challenge's token (RFC 8555 8.1): 1 to 256 characters of the base64url alphabet, so it is safe
// as a file name and in a URL.
class Token {
 public:
  static absl::StatusOr<Token> Parse(absl::string_view text);
  const std::string& value() const { return value_; }
  auto operator<=>(const Token&) const = default;

 private:
  explicit Token(std::string value) : value_(std::move(value)) {}
  std::string value_;
};

// token "." thumbprint (RFC 8555 8.1).
class KeyAuthorization {
 public:
  // `thumbprint`: 43 base64url characters (RFC 7638, SHA-256).
  static absl::StatusOr<KeyAuthorization> Make(const Token& token, absl::string_view thumbprint);
  // token ".rehearsal": of no account, so no CA takes it.
  static KeyAuthorization Rehearsal(const Token& token);
  bool is_rehearsal() const;
  // Either of these. Refused unless it belongs to `token`.
  static absl::StatusOr<KeyAuthorization> Parse(absl::string_view text, const Token& token);
  const std::string& value() const { return value_; }
  auto operator<=>(const KeyAuthorization&) const = default;

 private:
  explicit KeyAuthorization(std::string value) : value_(std::move(value)) {}
  std::string value_;
};

struct Proof {
  Name name;
  ChallengeType type;
  Token token;
  KeyAuthorization key_authorization;

  // RFC 8555 8.3: "/.well-known/acme-challenge/<token>"; the body is the key authorization.
  std::string http_path() const;
  // RFC 8555 8.4: "_acme-challenge.<name>", the same for a name and the wildcard below it.
  std::string dns_owner() const;
  // RFC 8555 8.4: base64url of the key authorization's SHA-256, 43 characters.
  std::string dns_value() const;
  // RFC 8737 3: SHA-256 of the key authorization, 32 bytes, for acmeIdentifier.
  std::string alpn_digest() const;
  // RFC 8737 3, RFC 8738 6: the server name that a TLS-ALPN-01 probe says: the name, or an
  // address's name below in-addr.arpa or ip6.arpa.
  std::string alpn_server_name() const;

  bool operator==(const Proof&) const = default;
};

// At the edge of the wire.
types::v1::Proof ToProto(const Proof& proof);
absl::StatusOr<Proof> FromProto(const types::v1::Proof& proto);
types::v1::ChallengeType ToProto(ChallengeType type);
absl::StatusOr<ChallengeType> FromProto(types::v1::ChallengeType type);
types::v1::Identifier ToProto(const Identifier& identifier);
absl::StatusOr<Identifier> FromProto(const types::v1::Identifier& proto);

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_PROOF_H_
