// What a validator that turned bad can send.

#include <functional>

#include "absl/strings/str_cat.h"
#include "agent/session/session_fixture.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

// What a validator that turned bad can send: none of it may be served.
TEST_F(SessionTest, RefusesWhatTheIssuerDidNotSeal) {
  const auto genuine = sealer_.Seal("order-1", 1, proof_);
  const auto other = sealer_.Seal("order-1", 1, second_);
  const auto change = [&](const std::function<void(types::v1::SealBody&)>& edit) {
    auto forged = genuine;
    types::v1::SealBody body;
    EXPECT_TRUE(body.ParseFromString(forged.body()));
    edit(body);
    forged.set_body(body.SerializeAsString());
    return forged;
  };
  const auto with = [&](const std::function<void(types::v1::SealedProof&)>& edit) {
    auto forged = genuine;
    edit(forged);
    return forged;
  };
  const Sealer own_root;
  const Sealer validator(sealer_.root(), types::v1::ROLE_VALIDATOR);
  const Sealer other_deployment("other");
  auto foreign_name = sealer_.Body("order-1", 1, proof_);
  foreign_name.deployment = "other";
  auto early = sealer_.Body("order-1", 1, proof_, kNow + absl::Minutes(6));

  const struct {
    const char* what;
    types::v1::SealedProof sealed;
  } cases[] = {
      {"the validator's own root", own_root.Seal("order-1", 1, proof_)},
      {"the validator's own key under the genuine certificate", with([&](auto& s) {
         s = own_root.Seal("order-1", 1, proof_);
         s.set_certificate(sealer_.certificate().der());
       })},
      {"the validator's own identity as the seal", validator.Seal("order-1", 1, proof_)},
      {"another deployment", other_deployment.Seal("order-1", 1, proof_)},
      {"swapped signature", with([&](auto& s) { s.set_signature(other.signature()); })},
      {"swapped body", with([&](auto& s) { s.set_body(other.body()); })},
      {"no signature", with([](auto& s) { s.clear_signature(); })},
      {"no certificate", with([](auto& s) { s.clear_certificate(); })},
      {"no body", with([](auto& s) { s.clear_body(); })},
      {"other name", change([](auto& b) {
         b.mutable_proof()->mutable_identifier()->set_value("a.example.com");
       })},
      {"wildcard", change([](auto& b) { b.mutable_proof()->set_wildcard(true); })},
      {"other type",
       change([](auto& b) { b.mutable_proof()->set_type(types::v1::CHALLENGE_TYPE_DNS_01); })},
      {"other token", change([](auto& b) { b.mutable_proof()->set_token("token-2"); })},
      {"other account", change([](auto& b) {
         b.mutable_proof()->set_key_authorization("token-1." + std::string(43, 'b'));
       })},
      {"other presentation", change([](auto& b) { b.set_presentation_id("order-2"); })},
      {"higher generation", change([](auto& b) { b.set_generation(2); })},
      {"prolonged", change([](auto& b) { b.mutable_not_after()->set_seconds(1770009999); })},
      {"an unknown field more", with([](auto& s) { s.set_body(s.body() + "\x7a\x01x"); })},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Put(c.sealed), "REJECTED_SEAL") << c.what;
    EXPECT_EQ(web_.size(), 0) << c.what;
  }
  EXPECT_EQ(Put(sealer_.Seal(early)), "NOT_YET_VALID");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(journal_->notes, 0) << "nothing of it may reach the disk";
  EXPECT_EQ(Put(genuine), "");
}

TEST_F(SessionTest, AReplayAfterTheReleaseIsRefusedAlsoAfterARestart) {
  const auto sealed = sealer_.Seal("order-1", 2, proof_);
  ASSERT_EQ(Put(sealed), "");
  // The validator asks for a short memory; the seal's own end counts.
  ASSERT_EQ(TakeDown("order-1", 2, absl::Seconds(1)), "");
  EXPECT_EQ(Put(sealed), "RELEASED");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
  timers_.Advance(absl::Minutes(2));
  Restart();
  EXPECT_EQ(Put(sealed), "RELEASED");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 3, proof_)), "") << "a later generation is a new wish";
  timers_.Advance(kLease);
  EXPECT_EQ(Put(sealed), "EXPIRED");
}

TEST_F(SessionTest, AReleaseThatComesFirstIsRemembered) {
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
  Restart();
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
}

TEST_F(SessionTest, BadReleasesAreAnswered) {
  for (const std::string& id : {std::string(), std::string("UPPER"), std::string("a b"),
                                std::string(65, 'a'), std::string("a/../b")}) {
    EXPECT_NE(TakeDown(id, 1), "") << id;
  }
  EXPECT_NE(TakeDown("order-1", 0), "");
  EXPECT_EQ(journal_->notes, 0);
  EXPECT_EQ(TakeDown("order-1", 1, absl::Hours(1000000)), "");
  EXPECT_LE(journal_->state().tombstones[0].until, kNow + absl::Hours(25));
}

TEST_F(SessionTest, TombstonesOfUnknownPresentationsAreCapped) {
  log::Configure(log::Level::kError, log::Format::kText);
  journal_->discard = true;
  std::string error;
  for (int i = 0; i <= 10000 && error.empty(); ++i) {
    error = TakeDown(absl::StrCat("order-", i), 1);
  }
  EXPECT_NE(error, "");
  log::Configure(log::Level::kInfo, log::Format::kText);
  ASSERT_EQ(Put(sealer_.Seal("known", 1, proof_)), "");
  EXPECT_EQ(TakeDown("known", 1), "") << "a release of what is up always works";
  EXPECT_EQ(Put(sealer_.Seal("known", 1, proof_)), "RELEASED");
}

}  // namespace
}  // namespace norroy::agent
