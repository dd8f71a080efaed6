#include "common/challenge/seal.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::challenge {
namespace {

constexpr char kToken[] = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
constexpr char kThumbprint[] = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

absl::Time Now() { return absl::FromUnixSeconds(1772366400); }  // 2026-03-01 12:00 UTC

Proof ProofOf(absl::string_view name, absl::string_view token_text, ChallengeType type) {
  const Token token = Token::Parse(token_text).value();
  return Proof{Name::Parse(name).value(), type, token,
               KeyAuthorization::Make(token, kThumbprint).value()};
}

SealBody GoodBody() {
  return SealBody{"prod",
                  SealKind::kChallenge,
                  "p-1",
                  1,
                  ProofOf("www.example.test", kToken, ChallengeType::kHttp01),
                  Now() - absl::Minutes(1),
                  Now() + absl::Minutes(14)};
}

// A key with a certificate.
struct Sealer {
  std::unique_ptr<crypto::Signer> signer;
  crypto::Certificate certificate;
};

identity::Authority Root(absl::string_view deployment) {
  return identity::MakeRoot("core", deployment, Now() - absl::Hours(48), absl::Hours(24 * 365))
      .value();
}

Sealer SealerOf(const identity::Authority& root, absl::string_view deployment, identity::Role role,
                absl::Time issued = Now() - absl::Hours(24),
                absl::Duration lifetime = absl::Hours(24 * 30)) {
  const crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  identity::LeafRequest request;
  request.identity = {std::string(deployment), role, "one", ""};
  if (role == types::v1::ROLE_VALIDATOR || role == types::v1::ROLE_ISSUER) {
    request.hosts = {"127.0.0.1"};
  }
  request.now = issued;
  request.lifetime = lifetime;
  crypto::Certificate certificate = identity::IssueLeaf(root, key.public_key(), request).value();
  return {crypto::NewKeySigner(key), std::move(certificate)};
}

class SealTest : public testing::Test {
 protected:
  types::v1::SealedProof Sealed(const SealBody& body) {
    return Seal(body, *sealer_.signer, sealer_.certificate).value();
  }

  // Sealed rightly but for what `change` does to the body's bytes.
  types::v1::SealedProof SealedRaw(const std::string& body) {
    types::v1::SealedProof sealed;
    sealed.set_body(body);
    sealed.set_signature(sealer_.signer->Sign(absl::StrCat(Context(), body)).value());
    sealed.set_certificate(sealer_.certificate.der());
    return sealed;
  }
  types::v1::SealedProof SealedProto(const std::function<void(types::v1::SealBody&)>& change) {
    types::v1::SealBody proto;
    EXPECT_TRUE(proto.ParseFromString(Sealed(GoodBody()).body()));
    change(proto);
    return SealedRaw(proto.SerializeAsString());
  }
  static std::string Context() { return std::string("norroy seal v1\0", 15); }

  void ExpectRefused(const types::v1::SealedProof& sealed, absl::string_view error,
                     absl::string_view reason = "REJECTED_SEAL") {
    const absl::Status status = verifier_.Verify(sealed, Now()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(ErrorReason(status), reason) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), error)) << status;
  }

  const identity::Authority root_ = Root("prod");
  const Sealer sealer_ = SealerOf(root_, "prod", types::v1::ROLE_SEAL);
  const SealVerifier verifier_{"prod", root_.certificate};
};

TEST_F(SealTest, SaysWhatWasSealed) {
  SealBody bodies[] = {GoodBody(), GoodBody(), GoodBody(), GoodBody()};
  bodies[1].kind = SealKind::kRehearsal;
  bodies[1].proof.key_authorization = KeyAuthorization::Rehearsal(bodies[1].proof.token);
  bodies[1].generation = INT64_MAX;
  bodies[1].presentation_id = std::string(64, 'z');
  bodies[2].proof = ProofOf("*.example.test", "a", ChallengeType::kDns01);
  bodies[2].not_after = bodies[2].not_before + kMaxSealLifetime;
  bodies[3].proof = ProofOf("2001:db8::1", std::string(256, 't'), ChallengeType::kTlsAlpn01);
  bodies[3].not_before += absl::Nanoseconds(123456789);
  for (const SealBody& body : bodies) {
    const types::v1::SealedProof sealed = Sealed(body);
    EXPECT_EQ(sealed.signature().size(), 64u);
    EXPECT_LE(sealed.body().size(), kMaxSealBody);
    for (const auto& read : {verifier_.Verify(sealed, Now()), ReadUnverified(sealed)}) {
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->deployment, body.deployment);
      EXPECT_EQ(read->kind, body.kind);
      EXPECT_EQ(read->presentation_id, body.presentation_id);
      EXPECT_EQ(read->generation, body.generation);
      EXPECT_EQ(read->proof, body.proof);
      EXPECT_EQ(read->not_before, body.not_before);
      EXPECT_EQ(read->not_after, body.not_after);
    }
  }
}

// Nothing of a genuine seal can be changed, added or taken away.
TEST_F(SealTest, EveryBitCounts) {
  const types::v1::SealedProof genuine = Sealed(GoodBody());
  ASSERT_TRUE(verifier_.Verify(genuine, Now()).ok());
  using Field = std::string* (*)(types::v1::SealedProof&);
  const std::pair<const char*, Field> fields[] = {
      {"body", [](auto& s) { return s.mutable_body(); }},
      {"signature", [](auto& s) { return s.mutable_signature(); }},
      {"certificate", [](auto& s) { return s.mutable_certificate(); }},
  };
  for (const auto& [what, field] : fields) {
    SCOPED_TRACE(what);
    types::v1::SealedProof changed = genuine;
    std::string& bytes = *field(changed);
    const std::string original = bytes;
    for (size_t i = 0; i < original.size(); ++i) {
      for (const int bits : {0x01, 0x80}) {
        bytes[i] = static_cast<char>(original[i] ^ bits);
        EXPECT_FALSE(verifier_.Verify(changed, Now()).ok()) << "byte " << i << " xor " << bits;
      }
      bytes[i] = original[i];
    }
    for (size_t size = 0; size < original.size(); ++size) {
      bytes = original.substr(0, size);
      EXPECT_FALSE(verifier_.Verify(changed, Now()).ok()) << "cut to " << size;
    }
    for (const char extra : {'\0', ' ', '\x08'}) {
      bytes = original + extra;
      EXPECT_FALSE(verifier_.Verify(changed, Now()).ok()) << "longer";
      bytes = extra + original;
      EXPECT_FALSE(verifier_.Verify(changed, Now()).ok()) << "longer";
    }
    bytes = std::string(original.size(), '\0');
    EXPECT_FALSE(verifier_.Verify(changed, Now()).ok()) << "zeros";
    bytes = original;
    EXPECT_TRUE(verifier_.Verify(changed, Now()).ok());
  }
}

// Parts of two genuine seals do not make a third.
TEST_F(SealTest, PartsCannotBeSwapped) {
  SealBody other = GoodBody();
  other.proof = ProofOf("other.example.test", "other", ChallengeType::kHttp01);
  const Sealer second = SealerOf(root_, "prod", types::v1::ROLE_SEAL);
  const types::v1::SealedProof a = Sealed(GoodBody());
  const types::v1::SealedProof b = Seal(other, *second.signer, second.certificate).value();
  ASSERT_TRUE(verifier_.Verify(b, Now()).ok());
  for (int mix = 1; mix < 7; ++mix) {
    types::v1::SealedProof mixed = a;
    if (mix & 1) mixed.set_body(b.body());
    if (mix & 2) mixed.set_signature(b.signature());
    if (mix & 4) mixed.set_certificate(b.certificate());
    ExpectRefused(mixed, "not of these bytes");
  }
}

TEST_F(SealTest, OnlyTheSealRoleUnderThisRootSeals) {
  const identity::Authority other_root = Root("prod");
  const identity::Authority staging = Root("staging");
  struct Case {
    const char* what;
    Sealer sealer;
  };
  const Case cases[] = {
      {"validator", SealerOf(root_, "prod", types::v1::ROLE_VALIDATOR)},
      {"issuer", SealerOf(root_, "prod", types::v1::ROLE_ISSUER)},
      {"operator", SealerOf(root_, "prod", types::v1::ROLE_OPERATOR)},
      {"auditor", SealerOf(root_, "prod", types::v1::ROLE_AUDITOR)},
      {"another root of the same name", SealerOf(other_root, "prod", types::v1::ROLE_SEAL)},
      {"another deployment", SealerOf(staging, "staging", types::v1::ROLE_SEAL)},
      {"expired certificate",
       SealerOf(root_, "prod", types::v1::ROLE_SEAL, Now() - absl::Hours(40), absl::Hours(20))},
      {"certificate not yet valid",
       SealerOf(root_, "prod", types::v1::ROLE_SEAL, Now() + absl::Hours(20), absl::Hours(20))},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    ExpectRefused(Seal(GoodBody(), *c.sealer.signer, c.sealer.certificate).value(), "");
  }
  // The root itself is no seal.
  const std::unique_ptr<crypto::Signer> root_signer = crypto::NewKeySigner(root_.key);
  ExpectRefused(Seal(GoodBody(), *root_signer, root_.certificate).value(), "");
}

TEST_F(SealTest, EdgeAuthoritiesCannotSeal) {
  const identity::Authority edge =
      identity::MakeRoot("edge", "prod", Now() - absl::Hours(48), absl::Hours(24 * 365)).value();
  const identity::Authority intermediate =
      identity::MakeIntermediate(edge, "validator-one", "edge.prod", Now() - absl::Hours(24),
                                 absl::Hours(24 * 30))
          .value();
  const crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  identity::LeafRequest request;
  request.identity = {"prod", types::v1::ROLE_AGENT, "web", std::string(32, 'a')};
  request.now = Now() - absl::Hours(1);
  request.lifetime = absl::Hours(24);
  const crypto::Certificate agent =
      identity::IssueLeaf(intermediate, key.public_key(), request).value();
  ExpectRefused(Seal(GoodBody(), *crypto::NewKeySigner(key), agent).value(), "");
  const std::unique_ptr<crypto::Signer> signer = crypto::NewKeySigner(intermediate.key);
  ExpectRefused(Seal(GoodBody(), *signer, intermediate.certificate).value(), "");
}

TEST_F(SealTest, TimesAreKept) {
  const SealBody body = GoodBody();
  const types::v1::SealedProof sealed = Sealed(body);
  struct Case {
    absl::Time now;
    absl::string_view reason;  // empty: accepted
  };
  const Case cases[] = {
      {body.not_before - absl::Minutes(5) - absl::Nanoseconds(1), "NOT_YET_VALID"},
      {body.not_before - absl::Minutes(5), ""},
      {body.not_before, ""},
      {body.not_after - absl::Nanoseconds(1), ""},
      {body.not_after, "EXPIRED"},
      {body.not_after + absl::Hours(1), "EXPIRED"},
      {Now() - absl::Hours(72), "REJECTED_SEAL"},
      {Now() + absl::Hours(24 * 400), "REJECTED_SEAL"},  // the certificate is over too
      {absl::InfinitePast(), "REJECTED_SEAL"},
      {absl::InfiniteFuture(), "REJECTED_SEAL"},
  };
  for (const Case& c : cases) {
    const absl::Status status = verifier_.Verify(sealed, c.now).status();
    EXPECT_EQ(ErrorReason(status), c.reason) << absl::FormatTime(c.now) << " " << status;
    EXPECT_EQ(status.ok(), c.reason.empty());
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kPermissionDenied);
  }
  // Another deployment's agents refuse it whatever the time.
  EXPECT_FALSE(SealVerifier("staging", root_.certificate).Verify(sealed, Now()).ok());
}

// Signed by the genuine key, and still not taken: the issuer itself cannot seal these.
TEST_F(SealTest, BodiesThatNoIssuerSealsAreRefused) {
  using Body = types::v1::SealBody;
  struct Case {
    absl::string_view what;
    std::function<void(Body&)> change;
    absl::string_view error;
  };
  const Case cases[] = {
      {"other deployment", [](Body& b) { b.set_deployment("staging"); }, "of deployment staging"},
      {"no deployment", [](Body& b) { b.clear_deployment(); }, ""},
      {"no kind", [](Body& b) { b.clear_kind(); }, "kind 0"},
      {"unknown kind", [](Body& b) { b.set_kind(static_cast<types::v1::SealKind>(9)); }, "kind 9"},
      {"no id", [](Body& b) { b.clear_presentation_id(); }, "presentation id"},
      {"long id", [](Body& b) { b.set_presentation_id(std::string(65, 'a')); }, "presentation id"},
      {"path as id", [](Body& b) { b.set_presentation_id("../x"); }, "presentation id"},
      {"upper-case id", [](Body& b) { b.set_presentation_id("A"); }, "presentation id"},
      {"generation 0", [](Body& b) { b.set_generation(0); }, "the first is 1"},
      {"generation -1", [](Body& b) { b.set_generation(-1); }, "the first is 1"},
      {"no proof", [](Body& b) { b.clear_proof(); }, "identifier type 0"},
      {"upper-case name",
       [](Body& b) { b.mutable_proof()->mutable_identifier()->set_value("WWW.example.test"); },
       "normal form"},
      {"path as token", [](Body& b) { b.mutable_proof()->set_token("../../x"); }, "base64url"},
      {"other token", [](Body& b) { b.mutable_proof()->set_token("x"); }, "does not begin"},
      {"no times",
       [](Body& b) {
         b.clear_not_before();
         b.clear_not_after();
       },
       "ends before it begins"},
      {"no end", [](Body& b) { b.clear_not_after(); }, "ends before it begins"},
      {"no beginning", [](Body& b) { b.clear_not_before(); }, "at most 24h"},
      {"ends as it begins", [](Body& b) { *b.mutable_not_after() = b.not_before(); },
       "ends before it begins"},
      {"24 h and a nanosecond",
       [](Body& b) {
         *b.mutable_not_after() = b.not_before();
         b.mutable_not_after()->set_seconds(b.not_before().seconds() + 24 * 3600);
         b.mutable_not_after()->set_nanos(1);
       },
       "at most 24h"},
      {"a year",
       [](Body& b) { b.mutable_not_after()->set_seconds(b.not_before().seconds() + 31536000); },
       "at most 24h"},
      {"the end of time", [](Body& b) { b.mutable_not_after()->set_seconds(INT64_MAX); },
       "between the years"},
      {"before time", [](Body& b) { b.mutable_not_before()->set_seconds(INT64_MIN); },
       "between the years"},
      {"negative nanoseconds", [](Body& b) { b.mutable_not_after()->set_nanos(-1); },
       "between the years"},
      {"too many nanoseconds", [](Body& b) { b.mutable_not_after()->set_nanos(1000000000); },
       "between the years"},
      {"unknown field",
       [](Body& b) { b.GetReflection()->MutableUnknownFields(&b)->AddVarint(99, 1); },
       "not known here"},
      {"unknown field in the proof",
       [](Body& b) {
         b.GetReflection()->MutableUnknownFields(b.mutable_proof())->AddVarint(99, 1);
       },
       "not known here"},
      {"unknown field in the identifier",
       [](Body& b) {
         auto* identifier = b.mutable_proof()->mutable_identifier();
         identifier->GetReflection()->MutableUnknownFields(identifier)->AddVarint(99, 1);
       },
       "not known here"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const types::v1::SealedProof sealed = SealedProto(c.change);
    ExpectRefused(sealed, c.error);
    if (c.what == "other deployment") continue;
    const absl::Status unverified = ReadUnverified(sealed).status();
    EXPECT_EQ(unverified.code(), absl::StatusCode::kInvalidArgument) << unverified;
  }
  ExpectRefused(SealedRaw("\xFF\xFF"), "does not parse");
  ExpectRefused(SealedRaw("hello"), "");
}

TEST_F(SealTest, TheSignatureIsForSealsAlone) {
  types::v1::SealedProof sealed = Sealed(GoodBody());
  for (const std::string& context :
       {std::string(), std::string("norroy seal v1"), std::string("norroy seal v2\0", 15),
        std::string("norroy join v1\0", 15)}) {
    sealed.set_signature(sealer_.signer->Sign(absl::StrCat(context, sealed.body())).value());
    ExpectRefused(sealed, "not of these bytes");
  }
}

TEST_F(SealTest, SizesAreCapped) {
  const types::v1::SealedProof genuine = Sealed(GoodBody());
  using Change = std::function<void(types::v1::SealedProof&)>;
  const std::pair<Change, absl::string_view> cases[] = {
      {[](auto& s) { s.Clear(); }, "body of 0"},
      {[](auto& s) { s.clear_body(); }, "body of 0"},
      {[](auto& s) { s.mutable_body()->resize(kMaxSealBody + 1); }, "body of 2049"},
      {[](auto& s) { s.mutable_body()->resize(10 << 20); }, "body of 10485760"},
      {[](auto& s) { s.clear_signature(); }, "signature of 0"},
      {[](auto& s) { s.mutable_signature()->resize(63); }, "signature of 63"},
      {[](auto& s) { s.mutable_signature()->resize(1 << 20); }, "signature of 1048576"},
      {[](auto& s) { s.clear_certificate(); }, "certificate of 0"},
      {[](auto& s) { s.mutable_certificate()->resize(4097); }, "certificate of 4097"},
  };
  for (const auto& [change, error] : cases) {
    types::v1::SealedProof sealed = genuine;
    change(sealed);
    ExpectRefused(sealed, error);
    EXPECT_EQ(ErrorReason(ReadUnverified(sealed).status()), "BAD_SEAL");
  }
}

TEST_F(SealTest, TheIssuerDoesNotSealWhatIsWrong) {
  using Change = std::function<void(SealBody&)>;
  const Change changes[] = {
      [](SealBody& b) { b.deployment = "Prod"; },
      [](SealBody& b) { b.deployment.clear(); },
      [](SealBody& b) { b.presentation_id.clear(); },
      [](SealBody& b) { b.presentation_id = "a b"; },
      [](SealBody& b) { b.generation = 0; },
      [](SealBody& b) { b.not_after = b.not_before; },
      [](SealBody& b) { b.not_after = b.not_before + kMaxSealLifetime + absl::Seconds(1); },
      [](SealBody& b) { b.not_after = absl::InfiniteFuture(); },
      [](SealBody& b) { b.not_before = absl::InfinitePast(); },
      [](SealBody& b) {
        b.proof.type = ChallengeType::kDns01, b.proof.name = Name::Parse("192.0.2.1").value();
      },
      [](SealBody& b) { b.proof.name = Name::Of(b.proof.name.identifier(), true); },
      // A rehearsal that a CA would take, and a challenge that none would.
      [](SealBody& b) { b.kind = SealKind::kRehearsal; },
      [](SealBody& b) { b.proof.key_authorization = KeyAuthorization::Rehearsal(b.proof.token); },
  };
  for (size_t i = 0; i < std::size(changes); ++i) {
    SealBody body = GoodBody();
    changes[i](body);
    EXPECT_EQ(Seal(body, *sealer_.signer, sealer_.certificate).status().code(),
              absl::StatusCode::kInvalidArgument)
        << i;
  }
  const Sealer other = SealerOf(root_, "prod", types::v1::ROLE_SEAL);
  EXPECT_EQ(Seal(GoodBody(), *sealer_.signer, other.certificate).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// ReadUnverified believes nothing and needs no root: it reads a forged seal like a genuine one.
TEST_F(SealTest, ReadUnverifiedDoesNotVerify) {
  types::v1::SealedProof sealed = Sealed(GoodBody());
  sealed.set_signature(std::string(64, 'x'));
  sealed.set_certificate("x");
  EXPECT_EQ(ReadUnverified(sealed)->proof, GoodBody().proof);
  ExpectRefused(sealed, "");
}

}  // namespace
}  // namespace norroy::challenge
