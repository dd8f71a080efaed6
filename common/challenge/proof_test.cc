#include "common/challenge/proof.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::challenge {
namespace {

// RFC 7638 3.1's example thumbprint; RFC 8555 8.3's token.
constexpr char kThumbprint[] = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
constexpr char kToken[] = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";

types::v1::Proof GoodProto() {
  types::v1::Proof proto;
  proto.mutable_identifier()->set_type(types::v1::IDENTIFIER_TYPE_DNS);
  proto.mutable_identifier()->set_value("www.example.test");
  proto.set_type(types::v1::CHALLENGE_TYPE_HTTP_01);
  proto.set_token(kToken);
  proto.set_key_authorization(absl::StrCat(kToken, ".", kThumbprint));
  return proto;
}

TEST(ChallengeType, NamesGoBothWays) {
  for (const ChallengeType type :
       {ChallengeType::kHttp01, ChallengeType::kDns01, ChallengeType::kTlsAlpn01}) {
    EXPECT_EQ(ParseChallengeType(ChallengeTypeName(type)).value(), type);
    EXPECT_EQ(FromProto(ToProto(type)).value(), type);
  }
  EXPECT_EQ(ChallengeTypeName(ChallengeType::kTlsAlpn01), "tls-alpn-01");
  for (const char* name : {"", "HTTP-01", "http-01 ", "dns-persist-01", "tls-sni-01", "\n"}) {
    const absl::Status status = ParseChallengeType(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << name;
    EXPECT_EQ(ErrorReason(status), "UNKNOWN_CHALLENGE_TYPE");
  }
  EXPECT_FALSE(FromProto(types::v1::CHALLENGE_TYPE_UNSPECIFIED).ok());
  EXPECT_FALSE(FromProto(static_cast<types::v1::ChallengeType>(99)).ok());
}

TEST(Token, IsSafeAsAFileName) {
  const std::string good[] = {kToken, "a", "-", "_", "0", "--", "AZaz09-_", std::string(256, 'x')};
  for (const std::string& text : good) EXPECT_EQ(Token::Parse(text)->value(), text);
  const std::string bad[] = {"",
                             std::string(257, 'x'),
                             ".",
                             "..",
                             "../x",
                             "a/b",
                             "/etc/passwd",
                             "a\\b",
                             "%2e%2e",
                             "a.b",
                             "a b",
                             "a=",
                             "a+b",
                             "a\n",
                             "a~",
                             "a:",
                             std::string("a\0", 2),
                             std::string("\0", 1),
                             "\xE2\x80\xA4\xE2\x80\xA4",
                             "\xEF\xBC\x8E",
                             "a\xFF"};
  for (const std::string& text : bad) {
    EXPECT_EQ(ErrorReason(Token::Parse(text).status()), "BAD_PROOF") << Printable(text);
  }
}

TEST(KeyAuthorization, BelongsToItsToken) {
  const Token token = Token::Parse(kToken).value();
  const auto made = KeyAuthorization::Make(token, kThumbprint);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->value(), absl::StrCat(kToken, ".", kThumbprint));
  EXPECT_EQ(KeyAuthorization::Parse(made->value(), token), made);
  const std::string thumbprint = kThumbprint;
  const std::string bad[] = {
      "",
      kToken,
      absl::StrCat(kToken, "."),
      thumbprint,
      absl::StrCat(".", thumbprint),
      absl::StrCat("other.", thumbprint),
      absl::StrCat(kToken, "x.", thumbprint),
      absl::StrCat(kToken, "..", thumbprint),
      absl::StrCat(kToken, ".", thumbprint, "\n"),
      absl::StrCat(kToken, ".", thumbprint, "="),
      absl::StrCat(kToken, ".", thumbprint.substr(1)),
      absl::StrCat(kToken, ".", thumbprint, "A"),
      absl::StrCat(kToken, ".", thumbprint.substr(0, 42), "t"),  // stray bits
      absl::StrCat(kToken, ".", thumbprint.substr(0, 42), "+"),
      absl::StrCat(" ", kToken, ".", thumbprint),
  };
  for (const std::string& text : bad) {
    EXPECT_EQ(ErrorReason(KeyAuthorization::Parse(text, token).status()), "BAD_PROOF") << text;
  }
  EXPECT_FALSE(KeyAuthorization::Make(token, "short").ok());
  // A token that begins with another token is another token.
  EXPECT_FALSE(KeyAuthorization::Parse(made->value(), Token::Parse("Loq").value()).ok());
}

TEST(Proof, CrossesTheWireUnchanged) {
  const auto proof = FromProto(GoodProto());
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_EQ(proof->name.text(), "www.example.test");
  EXPECT_EQ(proof->type, ChallengeType::kHttp01);
  EXPECT_EQ(proof->http_path(), absl::StrCat("/.well-known/acme-challenge/", kToken));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(*proof), GoodProto()));
  types::v1::Proof wildcard = GoodProto();
  wildcard.set_wildcard(true);
  wildcard.set_type(types::v1::CHALLENGE_TYPE_DNS_01);
  EXPECT_EQ(FromProto(wildcard)->name.text(), "*.www.example.test");
  types::v1::Proof address = GoodProto();
  address.mutable_identifier()->set_type(types::v1::IDENTIFIER_TYPE_IP);
  address.mutable_identifier()->set_value("2001:db8::1");
  EXPECT_EQ(FromProto(address)->name.identifier().type(), IdentifierType::kIp);
  EXPECT_EQ(FromProto(address)->name.text(), "2001:db8::1");
}

TEST(Proof, OddOnesAreRefused) {
  using Change = std::function<void(types::v1::Proof&)>;
  struct Case {
    absl::string_view what;
    Change change;
    absl::string_view error;
  };
  const auto ip = [](types::v1::Proof& p) {
    p.mutable_identifier()->set_type(types::v1::IDENTIFIER_TYPE_IP);
    p.mutable_identifier()->set_value("192.0.2.1");
  };
  const Case cases[] = {
      {"empty", [](auto& p) { p.Clear(); }, "identifier type 0"},
      {"no type", [](auto& p) { p.clear_type(); }, "challenge type 0"},
      {"unknown type", [](auto& p) { p.set_type(static_cast<types::v1::ChallengeType>(7)); },
       "challenge type 7"},
      {"unknown identifier type",
       [](auto& p) { p.mutable_identifier()->set_type(static_cast<types::v1::IdentifierType>(3)); },
       "identifier type 3"},
      {"no name", [](auto& p) { p.mutable_identifier()->clear_value(); }, "is empty"},
      {"upper case", [](auto& p) { p.mutable_identifier()->set_value("WWW.example.test"); },
       "normal form"},
      {"trailing dot", [](auto& p) { p.mutable_identifier()->set_value("www.example.test."); },
       "normal form"},
      {"wildcard in the value",
       [](auto& p) { p.mutable_identifier()->set_value("*.example.test"); }, "wildcard"},
      {"name as address",
       [](auto& p) { p.mutable_identifier()->set_type(types::v1::IDENTIFIER_TYPE_IP); },
       "no identifier of type ip"},
      {"wildcard by http-01", [](auto& p) { p.set_wildcard(true); }, "only dns-01"},
      {"wildcard by tls-alpn-01",
       [](auto& p) {
         p.set_wildcard(true);
         p.set_type(types::v1::CHALLENGE_TYPE_TLS_ALPN_01);
       },
       "only dns-01"},
      {"address by dns-01",
       [&ip](auto& p) {
         ip(p);
         p.set_type(types::v1::CHALLENGE_TYPE_DNS_01);
       },
       "dns-01 cannot prove"},
      {"wildcard address",
       [&ip](auto& p) {
         ip(p);
         p.set_wildcard(true);
       },
       "wildcard below the address"},
      {"no token", [](auto& p) { p.clear_token(); }, "token of 0"},
      {"path as token", [](auto& p) { p.set_token("../../x"); }, "base64url"},
      {"another token", [](auto& p) { p.set_token("abc"); }, "does not begin"},
      {"no key authorization", [](auto& p) { p.clear_key_authorization(); }, "does not begin"},
      {"key authorization with more",
       [](auto& p) { p.mutable_key_authorization()->append("<script>"); }, "thumbprint"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    types::v1::Proof proto = GoodProto();
    c.change(proto);
    const absl::Status status = FromProto(proto).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << status;
    EXPECT_FALSE(ErrorReason(status).empty());
  }
}

// RFC 8555 8.4, RFC 8737 3: derived from the key authorization alone.
TEST(Proof, DerivesWhatDnsAndAlpnServe) {
  const Token token = *Token::Parse("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA");
  Proof proof{*Name::Parse("*.example.org"), ChallengeType::kDns01, token,
              *KeyAuthorization::Make(token, std::string(42, 'a') + "A")};
  EXPECT_EQ(proof.dns_owner(), "_acme-challenge.example.org");
  EXPECT_EQ(proof.dns_value().size(), 43u);
  EXPECT_EQ(proof.alpn_digest().size(), 32u);
  struct {
    std::string name, server_name;
  } const cases[] = {
      {"www.example.org", "www.example.org"},
      // RFC 8738 6.
      {"192.0.2.1", "1.2.0.192.in-addr.arpa"},
      {"2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
  };
  for (const auto& c : cases) {
    proof.name = *Name::Parse(c.name);
    EXPECT_EQ(proof.alpn_server_name(), c.server_name);
  }
}

TEST(KeyAuthorization, ARehearsalIsOfNoAccount) {
  const Token token = *Token::Parse("token");
  const KeyAuthorization rehearsal = KeyAuthorization::Rehearsal(token);
  EXPECT_EQ(rehearsal.value(), "token.rehearsal");
  EXPECT_TRUE(rehearsal.is_rehearsal());
  EXPECT_EQ(*KeyAuthorization::Parse("token.rehearsal", token), rehearsal);
  EXPECT_FALSE(KeyAuthorization::Parse("other.rehearsal", token).ok());
  EXPECT_FALSE(KeyAuthorization::Make(token, "rehearsal").ok());
  EXPECT_FALSE(KeyAuthorization::Make(token, std::string(42, 'a') + "A")->is_rehearsal());
}

}  // namespace
}  // namespace norroy::challenge
