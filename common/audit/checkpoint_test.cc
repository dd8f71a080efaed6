// Checkpoints: who may sign them, for what, and in which order.

#include "common/audit/checkpoint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/test_signer.h"
#include "common/audit/to_proto.h"
#include "common/error/error.h"

namespace norroy::audit {
namespace {

const TestSigner& Deployment() {
  static const TestSigner* const deployment = new TestSigner();
  return *deployment;
}

std::vector<Head> Heads(const std::string& writer, int64_t seq) {
  return {{.writer = writer, .seq = seq, .hash = std::string(64, seq % 2 == 0 ? 'a' : 'b')}};
}

TEST(Checkpoint, SaysWhatWasSigned) {
  const auto signer = Deployment().Issue(types::v1::ROLE_ISSUER, "main");
  const Checkpoint checkpoint = MakeCheckpoint(signer, 1, Heads("issuer/main", 7), nullptr);
  EXPECT_EQ(checkpoint.signature.size(), 64u);
  const auto verified = VerifyCheckpoint(checkpoint, Deployment().trust());
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->signer.Principal(), "issuer/main");
  EXPECT_EQ(verified->statement.number, 1);
  EXPECT_EQ(verified->statement.time, kTestNow);
  EXPECT_EQ(verified->statement.heads, Heads("issuer/main", 7));
  EXPECT_EQ(FromProto(ToProto(checkpoint)), checkpoint);
}

// An identity that has ended since did not undo what it signed; one that had ended, or had not
// begun, could not sign.
TEST(Checkpoint, CountsByItsOwnTime) {
  const auto signer = Deployment().Issue(types::v1::ROLE_ISSUER, "main", absl::Hours(24));
  struct Case {
    absl::Duration at;
    bool good;
  };
  for (const Case& c :
       {Case{absl::Hours(23), true}, Case{absl::Hours(25), false}, Case{-absl::Hours(48), false}}) {
    const Checkpoint checkpoint =
        MakeCheckpoint(signer, 1, Heads("issuer/main", 1), nullptr, kTestNow + c.at);
    EXPECT_EQ(VerifyCheckpoint(checkpoint, Deployment().trust()).ok(), c.good) << c.at;
  }
}

TEST(Checkpoint, RefusesWhatIsNotOurs) {
  const auto issuer = Deployment().Issue(types::v1::ROLE_ISSUER, "main");
  const auto validator = Deployment().Issue(types::v1::ROLE_VALIDATOR, "one");
  const auto alice = Deployment().Issue(types::v1::ROLE_OPERATOR, "alice");
  const auto elsewhere =
      Deployment().Issue(types::v1::ROLE_ISSUER, "main", absl::Hours(24), "other");
  const Checkpoint good = MakeCheckpoint(issuer, 1, Heads("issuer/main", 7), nullptr);
  Checkpoint altered = good;
  altered.body[altered.body.size() / 2] ^= 1;
  Checkpoint other_signature = good;
  other_signature.signature[5] ^= 1;
  Checkpoint no_chain = good;
  no_chain.chain.clear();
  Checkpoint other_chain = good;
  other_chain.chain = MakeCheckpoint(validator, 1, {}, nullptr).chain;
  Checkpoint long_chain = good;
  long_chain.chain.assign(kMaxCheckpointChain + 1, good.chain[0]);
  Checkpoint cut = good;
  cut.signature.resize(63);
  struct Case {
    const char* what;
    Checkpoint checkpoint;
  };
  const Case cases[] = {
      {"body", altered},
      {"signature", other_signature},
      {"cut signature", cut},
      {"no certificate", no_chain},
      {"another's certificate", other_chain},
      {"too many certificates", long_chain},
      {"an operator's", MakeCheckpoint(alice, 1, Heads("operator/alice", 1), nullptr)},
      {"a validator's for an issuer",
       MakeCheckpoint(validator, 1, Heads("issuer/main", 1), nullptr)},
      {"an issuer's for a validator",
       MakeCheckpoint(issuer, 1, Heads("validator/one", 1), nullptr)},
      {"another deployment's", MakeCheckpoint(elsewhere, 1, Heads("issuer/main", 1), nullptr)},
  };
  ASSERT_TRUE(VerifyCheckpoint(good, Deployment().trust()).ok());
  for (const Case& c : cases) {
    const absl::Status status = VerifyCheckpoint(c.checkpoint, Deployment().trust()).status();
    const std::string reason = ErrorReason(status);
    EXPECT_TRUE(reason == "CHECKPOINT_BROKEN" || reason == "BAD_CHECKPOINT")
        << c.what << ": " << status;
  }
  EXPECT_EQ(ErrorReason(VerifyCheckpoint(good, {{}, "test"}).status()), "CHECKPOINT_BROKEN");
  // While the root is replaced, either counts.
  Trust both = Deployment().trust();
  both.core_roots.insert(both.core_roots.begin(), TestSigner().root().certificate);
  EXPECT_TRUE(VerifyCheckpoint(good, both).ok());
}

TEST(Checkpoint, TheSignatureIsForCheckpointsAlone) {
  // Bytes that the same key signed for something else are none of a checkpoint.
  const auto signer = Deployment().Issue(types::v1::ROLE_ISSUER, "main");
  Checkpoint checkpoint = MakeCheckpoint(signer, 1, Heads("issuer/main", 7), nullptr);
  checkpoint.signature = signer.key.SignEs256(checkpoint.body).value();
  EXPECT_EQ(ErrorReason(VerifyCheckpoint(checkpoint, Deployment().trust()).status()),
            "CHECKPOINT_BROKEN");
}

TEST(Series, HasNoGapsAndGoesForward) {
  const auto signer = Deployment().Issue(types::v1::ROLE_ISSUER, "main");
  const Checkpoint one = MakeCheckpoint(signer, 1, Heads("issuer/main", 5), nullptr);
  const Checkpoint two = MakeCheckpoint(signer, 2, Heads("issuer/main", 8), &one);
  const Checkpoint three = MakeCheckpoint(signer, 3, Heads("issuer/main", 9), &two);
  // Somebody with the key, who starts from what he likes.
  const Checkpoint other_one = MakeCheckpoint(signer, 1, Heads("issuer/main", 4), nullptr);
  const Checkpoint shorter = MakeCheckpoint(signer, 2, Heads("issuer/main", 4), &one);
  auto other_end = Heads("issuer/main", 5);
  other_end[0].hash = std::string(64, 'c');
  const Checkpoint rewritten = MakeCheckpoint(signer, 2, other_end, &one);
  const Checkpoint without = MakeCheckpoint(signer, 2, Heads("issuer/two", 9), &one);
  const Checkpoint forked = MakeCheckpoint(signer, 2, Heads("issuer/main", 8), &other_one);
  struct Case {
    const char* what;
    std::vector<Checkpoint> checkpoints;
    bool good;
  };
  const Case cases[] = {
      {"all", {one, two, three}, true},
      {"one", {one}, true},
      {"the first is missing", {two, three}, false},
      {"the second is missing", {one, three}, false},
      {"another order", {two, one, three}, false},
      {"twice", {one, one}, false},
      {"shorter", {one, shorter}, false},
      {"other ending", {one, rewritten}, false},
      {"a chain is gone", {one, without}, false},
      {"behind another", {one, forked}, false},
      {"another first", {other_one, two}, false},
  };
  for (const Case& c : cases) {
    Series series(Deployment().trust());
    absl::Status status;
    for (const Checkpoint& checkpoint : c.checkpoints) {
      if (status.ok()) status = series.Add(checkpoint).status();
    }
    EXPECT_EQ(status.ok(), c.good) << c.what << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.good ? "" : "CHECKPOINT_BROKEN") << c.what;
  }
  Series later(Deployment().trust());
  ASSERT_TRUE(later.ResumeAfter(two).ok());
  EXPECT_TRUE(later.Add(three).ok());
  Series other(Deployment().trust());
  ASSERT_TRUE(other.ResumeAfter(other_one).ok());
  EXPECT_FALSE(other.Add(two).ok());
}

}  // namespace
}  // namespace norroy::audit
