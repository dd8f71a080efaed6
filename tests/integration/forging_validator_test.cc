// Whatever a validator in wrong hands says, a real agent serves nothing that the issuer did not
// mean for that name and that time.

#include "tests/integration/forging_validator.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/challenge/seal.h"
#include "common/crypto/signer.h"
#include "common/identity/issuing.h"
#include "tests/harness/process.h"

namespace norroy::tests {
namespace {

using types::v1::SealedProof;

constexpr char kThumbprint[] = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
constexpr char kName[] = "www.example.test";

// Seals, as whoever holds this key and certificate can.
struct Sealer {
  crypto::PrivateKey key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  std::optional<crypto::Certificate> certificate;

  static Sealer Under(const identity::Authority& authority, const std::string& deployment,
                      types::v1::Role role) {
    Sealer sealer;
    identity::LeafRequest leaf;
    leaf.identity.deployment = deployment;
    leaf.identity.role = role;
    leaf.identity.name = "main";
    leaf.now = absl::Now();
    leaf.lifetime = absl::Hours(2);
    if (role == types::v1::ROLE_VALIDATOR) leaf.hosts = {"127.0.0.1"};
    sealer.certificate = *identity::IssueLeaf(authority, sealer.key.public_key(), leaf);
    return sealer;
  }
};

challenge::Proof ProofFor(const std::string& name, const std::string& token) {
  const challenge::Token parsed = *challenge::Token::Parse(token);
  return {*challenge::Name::Parse(name), challenge::ChallengeType::kHttp01, parsed,
          *challenge::KeyAuthorization::Make(parsed, kThumbprint)};
}

class Forging : public ::testing::Test {
 protected:
  Forging() {
    dir_ = harness::TempDir("forging");
    port_ = harness::FreePort();
    seal_ = Sealer::Under(validator_.deployment().core_root(), validator_.deployment().name(),
                          types::v1::ROLE_SEAL);
    harness::WriteAll(dir_ + "/agent.yaml",
                      absl::StrCat("state_dir: ", dir_, "/state\nhttp_listener:\n  listen:\n    - ",
                                   "127.0.0.1:", port_, "\n"));
    Enroll();
    StartAgent();
  }

  void Enroll() {
    validator_.WriteToken(dir_ + "/token", "web1");
    const harness::Output enrolled =
        harness::RunProgram({harness::Runfile("agent/norroy-agent"), "enroll", "--token-file",
                             dir_ + "/token", "--state-dir", dir_ + "/state", "--allow", kName});
    ASSERT_EQ(enrolled.code, 0) << enrolled.err;
  }

  void StartAgent() {
    agent_ = harness::Process::Start(
        {harness::Runfile("agent/norroy-agent"), "--config", dir_ + "/agent.yaml"},
        dir_ + "/agent.log");
    validator_.WaitForAgent();
  }

  SealedProof Make(const Sealer& sealer, const std::string& id, int64_t generation,
                   const challenge::Proof& proof, absl::Duration lifetime = absl::Minutes(15),
                   const std::string& deployment = "",
                   challenge::SealKind kind = challenge::SealKind::kChallenge) {
    const auto signer = crypto::NewKeySigner(sealer.key);
    const challenge::SealBody body{deployment.empty() ? validator_.deployment().name() : deployment,
                                   kind,
                                   id,
                                   generation,
                                   proof,
                                   absl::Now() - absl::Minutes(1),
                                   absl::Now() + lifetime};
    return *challenge::Seal(body, *signer, *sealer.certificate);
  }

  // Under the genuine seal what an issuer of ours never seals: as if that had gone wrong, too.
  SealedProof SignAnything(const types::v1::SealBody& body) {
    SealedProof sealed;
    sealed.set_body(body.SerializeAsString());
    sealed.set_signature(*crypto::NewKeySigner(seal_.key)->Sign(
        absl::StrCat(std::string("norroy seal v1\0", 15), sealed.body())));
    sealed.set_certificate(seal_.certificate->der());
    return sealed;
  }

  types::v1::SealBody BodyOf(const SealedProof& sealed) {
    types::v1::SealBody body;
    EXPECT_TRUE(body.ParseFromString(sealed.body()));
    return body;
  }

  // Says PutUp; how many of the proofs the agent says it serves.
  int PutUp(const std::vector<SealedProof>& proofs) {
    agent::v1::AttachResponse message;
    for (const SealedProof& proof : proofs) *message.mutable_put_up()->add_proofs() = proof;
    const auto answer = validator_.Tell(message);
    int served = 0;
    if (answer.has_value()) {
      for (const auto& result : answer->put_up_result().results()) served += result.served();
    } else {
      validator_.WaitForAgent();  // it hung up on nonsense and came back
    }
    return served;
  }

  bool TakeDown(const std::string& id, int64_t generation) {
    agent::v1::AttachResponse message;
    message.mutable_take_down()->set_presentation_id(id);
    message.mutable_take_down()->set_generation(generation);
    message.mutable_take_down()->mutable_tombstone_until()->set_seconds(
        absl::ToUnixSeconds(absl::Now()) + 900);
    return validator_.Tell(message).has_value();
  }

  int Status(const std::string& token, const std::string& host = kName) {
    return harness::HttpGet(port_, host, "/.well-known/acme-challenge/" + token).status;
  }

  std::string Log() { return harness::ReadAll(dir_ + "/agent.log"); }

  std::string dir_;
  int port_ = 0;
  ForgingValidator validator_;
  Sealer seal_;
  std::unique_ptr<harness::Process> agent_;
};

TEST_F(Forging, TheGenuineIsServed) {
  EXPECT_EQ(PutUp({Make(seal_, "p1", 1, ProofFor(kName, "genuine"))}), 1) << Log();
  const harness::HttpReply reply =
      harness::HttpGet(port_, kName, "/.well-known/acme-challenge/genuine");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, absl::StrCat("genuine.", kThumbprint));
  EXPECT_EQ(Status("genuine", "other.example.test"), 404);
}

TEST_F(Forging, KeysOfItsOwnSealNothing) {
  rpc::TestDeployment& deployment = validator_.deployment();
  // Its own core identity, which is under the pinned root.
  const Sealer own =
      Sealer::Under(deployment.core_root(), deployment.name(), types::v1::ROLE_VALIDATOR);
  EXPECT_EQ(PutUp({Make(own, "p1", 1, ProofFor(kName, "own"))}), 0);
  // Another core root, and a seal under it.
  const identity::Authority other_root =
      *identity::MakeRoot("core", deployment.name(), absl::Now(), absl::Hours(24));
  const Sealer other = Sealer::Under(other_root, deployment.name(), types::v1::ROLE_SEAL);
  EXPECT_EQ(PutUp({Make(other, "p2", 1, ProofFor(kName, "other"))}), 0);
  // A genuine certificate beside a signature that its key did not make.
  SealedProof mixed = Make(own, "p3", 1, ProofFor(kName, "mixed"));
  mixed.set_certificate(seal_.certificate->der());
  EXPECT_EQ(PutUp({mixed}), 0);
  // The seal of another deployment that happens to share the root.
  EXPECT_EQ(PutUp({Make(seal_, "p4", 1, ProofFor(kName, "foreign"), absl::Minutes(5), "else")}), 0);
  for (const char* token : {"own", "other", "mixed", "foreign"}) EXPECT_EQ(Status(token), 404);
}

TEST_F(Forging, ANewEnrollmentOrARenewedIdentityChangesNoTrust) {
  const identity::Authority other_root =
      *identity::MakeRoot("core", validator_.deployment().name(), absl::Now(), absl::Hours(24));
  // The forger announces another core root wherever it may send a certificate.
  validator_.AppendToChains(other_root.certificate.der());
  validator_.SetIdentityLifetime(absl::Hours(1));
  agent_->Signal(SIGKILL);
  agent_->Wait(absl::Seconds(5));
  validator_.WriteToken(dir_ + "/token2", "web1");
  const harness::Output again =
      harness::RunProgram({harness::Runfile("agent/norroy-agent"), "enroll", "--token-file",
                           dir_ + "/token2", "--state-dir", dir_ + "/state2", "--allow", kName});
  if (again.code == 0) {
    harness::WriteAll(dir_ + "/agent.yaml",
                      absl::StrCat("state_dir: ", dir_, "/state2\nhttp_listener:\n  listen:\n    ",
                                   "- 127.0.0.1:", port_, "\n"));
  }
  StartAgent();
  if (again.code == 0) {
    // Past half its life already: it is renewed at once, and the agent dials anew.
    EXPECT_TRUE(harness::Eventually([&] { return validator_.renewed() > 0; }));
    validator_.SetIdentityLifetime(absl::Hours(48));
  }
  const Sealer other =
      Sealer::Under(other_root, validator_.deployment().name(), types::v1::ROLE_SEAL);
  EXPECT_EQ(PutUp({Make(other, "p1", 1, ProofFor(kName, "announced"))}), 0);
  EXPECT_EQ(Status("announced"), 404);
  // The stream may be cut by a renewal's redial just now.
  const SealedProof genuine = Make(seal_, "p2", 1, ProofFor(kName, "genuine"));
  EXPECT_TRUE(harness::Eventually([&] { return PutUp({genuine}) == 1; })) << Log();
}

TEST_F(Forging, PartsOfTwoGenuineProofsMakeNone) {
  const SealedProof first = Make(seal_, "p1", 1, ProofFor(kName, "first"));
  const SealedProof second = Make(seal_, "p1", 1, ProofFor(kName, "second"));
  SealedProof swapped = first;
  swapped.set_signature(second.signature());
  EXPECT_EQ(PutUp({swapped}), 0);
  // Another name, type or token in a body that was sealed.
  const std::function<void(types::v1::SealBody&)> changes[] = {
      [](types::v1::SealBody& b) {
        b.mutable_proof()->mutable_identifier()->set_value("bank.example.test");
      },
      [](types::v1::SealBody& b) {
        b.mutable_proof()->set_type(types::v1::CHALLENGE_TYPE_TLS_ALPN_01);
      },
      [](types::v1::SealBody& b) { b.mutable_proof()->set_token("second"); },
      [](types::v1::SealBody& b) { b.set_presentation_id("p9"); },
      [](types::v1::SealBody& b) { b.set_generation(7); },
      [](types::v1::SealBody& b) { b.set_kind(types::v1::SEAL_KIND_REHEARSAL); },
  };
  for (const auto& change : changes) {
    types::v1::SealBody body;
    ASSERT_TRUE(body.ParseFromString(first.body()));
    change(body);
    SealedProof forged = first;
    forged.set_body(body.SerializeAsString());
    EXPECT_EQ(PutUp({forged}), 0) << body.DebugString();
  }
  for (const char* token : {"first", "second"}) EXPECT_EQ(Status(token), 404);
  // Two presentations in one message, both genuine: the message is the first one's.
  EXPECT_LE(PutUp({first, Make(seal_, "p2", 1, ProofFor(kName, "third"))}), 1);
  EXPECT_EQ(Status("third"), 404);
}

TEST_F(Forging, AReleasedProofStaysReleasedAlsoAfterARestart) {
  const SealedProof proof = Make(seal_, "p1", 3, ProofFor(kName, "released"));
  ASSERT_EQ(PutUp({proof}), 1) << Log();
  ASSERT_TRUE(TakeDown("p1", 3));
  EXPECT_EQ(Status("released"), 404);
  EXPECT_EQ(PutUp({proof}), 0);
  EXPECT_EQ(PutUp({Make(seal_, "p1", 2, ProofFor(kName, "older"))}), 0);
  agent_->Signal(SIGKILL);
  agent_->Wait(absl::Seconds(5));
  StartAgent();
  EXPECT_EQ(PutUp({proof}), 0);
  EXPECT_EQ(Status("released"), 404);
}

TEST_F(Forging, ALeaseEndsAndCannotBeProlonged) {
  const SealedProof brief = Make(seal_, "p1", 1, ProofFor(kName, "brief"), absl::Seconds(3));
  ASSERT_EQ(PutUp({brief}), 1) << Log();
  types::v1::SealBody body;
  ASSERT_TRUE(body.ParseFromString(brief.body()));
  body.mutable_not_after()->set_seconds(body.not_after().seconds() + 3600);
  body.set_generation(2);
  SealedProof prolonged = brief;
  prolonged.set_body(body.SerializeAsString());
  EXPECT_EQ(PutUp({prolonged}), 0);
  EXPECT_TRUE(harness::Eventually([&] { return Status("brief") == 404; }, absl::Seconds(10)));
  EXPECT_EQ(PutUp({brief}), 0);
  EXPECT_EQ(Status("brief"), 404);
}

// A rehearsal needs no CA order, so nothing of one may ever satisfy a CA.
TEST_F(Forging, RehearsalsAreWorthNothingAtACa) {
  challenge::Proof drill = ProofFor(kName, "drill");
  drill.key_authorization = challenge::KeyAuthorization::Rehearsal(drill.token);
  const SealedProof genuine =
      Make(seal_, "rehearsal-1", 1, drill, absl::Minutes(2), "", challenge::SealKind::kRehearsal);
  ASSERT_EQ(PutUp({genuine}), 1) << Log();
  EXPECT_EQ(harness::HttpGet(port_, kName, "/.well-known/acme-challenge/drill").body,
            "drill.rehearsal");
  ASSERT_TRUE(TakeDown("rehearsal-1", 1));
  EXPECT_EQ(PutUp({genuine}), 0) << "replayed";
  // Its bytes under another id are not what was signed.
  types::v1::SealBody body = BodyOf(genuine);
  body.set_presentation_id("p1");
  SealedProof changed = genuine;
  changed.set_body(body.SerializeAsString());
  EXPECT_EQ(PutUp({changed}), 0);
  // Not even the seal key can mix the two: a real account's key authorization in a rehearsal, the
  // worthless one in a challenge, or a kind that nobody knows.
  const types::v1::SealBody real = BodyOf(Make(seal_, "p2", 1, ProofFor(kName, "real")));
  const struct {
    const char* what;
    types::v1::SealKind kind;
    std::string token;
    std::string end;
    int served;
  } cases[] = {
      {"a challenge", types::v1::SEAL_KIND_CHALLENGE, "real", kThumbprint, 1},
      {"a rehearsal that a CA would take", types::v1::SEAL_KIND_REHEARSAL, "taken", kThumbprint, 0},
      {"a challenge that none would", types::v1::SEAL_KIND_CHALLENGE, "none", "rehearsal", 0},
      {"no kind", types::v1::SEAL_KIND_UNSPECIFIED, "nokind", kThumbprint, 0},
      {"no kind, worthless", types::v1::SEAL_KIND_UNSPECIFIED, "nokind2", "rehearsal", 0},
      {"an unknown kind", static_cast<types::v1::SealKind>(3), "third", kThumbprint, 0},
  };
  int64_t generation = 0;
  for (const auto& c : cases) {
    body = real;
    body.set_generation(++generation);
    body.set_kind(c.kind);
    body.mutable_proof()->set_token(c.token);
    body.mutable_proof()->set_key_authorization(absl::StrCat(c.token, ".", c.end));
    EXPECT_EQ(PutUp({SignAnything(body)}), c.served) << c.what << Log();
    EXPECT_EQ(Status(c.token), c.served == 1 ? 200 : 404) << c.what;
  }
}

// A token becomes a file's name: whoever seals it, it is base64url (RFC 8555 8.3).
TEST_F(Forging, TokensAreBase64UrlAlone) {
  const types::v1::SealBody genuine = BodyOf(Make(seal_, "p1", 1, ProofFor(kName, "genuine")));
  int64_t generation = 0;
  for (const std::string& token :
       {std::string(), std::string("../../../../etc/passwd"), std::string(".."), std::string("a/b"),
        std::string("a.b"), std::string("a%2fb"), std::string("a b"), std::string("a\n"),
        std::string("a\0b", 3), std::string("a="), std::string("\xc3\xa4"),
        std::string(257, 'a')}) {
    types::v1::SealBody body = genuine;
    body.set_generation(++generation);
    body.mutable_proof()->set_token(token);
    body.mutable_proof()->set_key_authorization(absl::StrCat(token, ".", kThumbprint));
    EXPECT_EQ(PutUp({SignAnything(body)}), 0) << body.DebugString();
  }
  types::v1::SealBody body = genuine;
  body.set_generation(++generation);
  EXPECT_EQ(PutUp({SignAnything(body)}), 1) << Log();
  EXPECT_EQ(Status("genuine"), 200);
}

TEST_F(Forging, NamesOutsideTheAgentsScopeAreNotServed) {
  EXPECT_EQ(PutUp({Make(seal_, "p1", 1, ProofFor("bank.example.test", "bank"))}), 0);
  EXPECT_EQ(Status("bank", "bank.example.test"), 404);
}

}  // namespace
}  // namespace norroy::tests
