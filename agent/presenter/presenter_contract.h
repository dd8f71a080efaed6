#ifndef NORROY_AGENT_PRESENTER_PRESENTER_CONTRACT_H_
#define NORROY_AGENT_PRESENTER_PRESENTER_CONTRACT_H_

// What every Presenter must do, looked at from where the CA looks. For a new presenter, in its
// test:
//
//   INSTANTIATE_TEST_SUITE_P(Webroot, PresenterContract, testing::Values(&MakeWebrootUnderTest));

#include <memory>
#include <string>
#include <vector>

#include "agent/presenter/presenter.h"
#include "gtest/gtest.h"

namespace norroy::agent {

// A presenter and its world.
class PresenterUnderTest {
 public:
  virtual ~PresenterUnderTest() = default;
  virtual Presenter& presenter() = 0;
  // What the CA gets for this proof: its key authorization if it would be content, else anything
  // else; empty if nothing.
  virtual std::string Look(const challenge::Proof& proof) = 0;
  // TLS-ALPN-01 answers a name by one certificate: a second proof of it is refused while the first
  // is up (RFC 8737 3).
  virtual bool OneProofPerName() const { return false; }
  // DNS answers all values of a name: what another account puts there is no conflict.
  virtual bool AccountsCoexist() const { return false; }
};

// A proof for `name` whose key authorization fits `token`; `account` makes different ones.
inline challenge::Proof MakeProof(const std::string& name, const std::string& token,
                                  char account = 'a') {
  const auto parsed = *challenge::Token::Parse(token);
  return {.name = *challenge::Name::Parse(name),
          .type = challenge::ChallengeType::kHttp01,
          .token = parsed,
          .key_authorization =
              *challenge::KeyAuthorization::Make(parsed, std::string(42, account) + "A")};
}

class PresenterContract : public testing::TestWithParam<std::unique_ptr<PresenterUnderTest> (*)()> {
 protected:
  std::unique_ptr<PresenterUnderTest> subject_ = GetParam()();
  Presenter& presenter_ = subject_->presenter();

  // As MakeProof, of the presenter's type.
  challenge::Proof Make(const std::string& name, const std::string& token, char account = 'a') {
    challenge::Proof proof = MakeProof(name, token, account);
    proof.type = presenter_.type();
    return proof;
  }
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof) {
    const auto location = presenter_.Locate(proof);
    if (!location.ok()) return location.status();
    return presenter_.PutUp(proof, *location);
  }
  absl::Status TakeDown(const challenge::Proof& proof) {
    const auto location = presenter_.Locate(proof);
    if (!location.ok()) return location.status();
    return presenter_.TakeDown(proof, *location);
  }
};

TEST_P(PresenterContract, ServesWhenPutUpReturnsAndNotWhenTakeDownReturns) {
  const auto proof = Make("www.example.com", "token-1");
  EXPECT_EQ(subject_->Look(proof), "");
  for (int round = 0; round < 3; ++round) {
    const auto place = PutUp(proof);
    ASSERT_TRUE(place.ok()) << place.status();
    EXPECT_FALSE(place->empty());
    EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
    ASSERT_TRUE(TakeDown(proof).ok());
    EXPECT_EQ(subject_->Look(proof), "");
  }
}

TEST_P(PresenterContract, TheSameProofAgainIsOk) {
  const auto proof = Make("www.example.com", "token-1");
  ASSERT_TRUE(PutUp(proof).ok());
  ASSERT_TRUE(PutUp(proof).ok());
  EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
  ASSERT_TRUE(TakeDown(proof).ok());
  EXPECT_EQ(subject_->Look(proof), "");
  EXPECT_TRUE(TakeDown(proof).ok());
}

TEST_P(PresenterContract, TakingDownWhatIsNotUpIsOk) {
  EXPECT_TRUE(TakeDown(Make("www.example.com", "token-1")).ok());
}

TEST_P(PresenterContract, ProofsOfOneNameCoexist) {
  const auto first = Make("www.example.com", "token-1");
  const auto second = Make("www.example.com", "token-2");
  ASSERT_TRUE(PutUp(first).ok());
  if (subject_->OneProofPerName()) {
    EXPECT_FALSE(PutUp(second).ok());
    EXPECT_EQ(subject_->Look(first), first.key_authorization.value());
    return;
  }
  ASSERT_TRUE(PutUp(second).ok());
  EXPECT_EQ(subject_->Look(first), first.key_authorization.value());
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
  ASSERT_TRUE(TakeDown(first).ok());
  EXPECT_EQ(subject_->Look(first), "");
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
}

TEST_P(PresenterContract, NamesThatShareATokenCoexist) {
  const auto first = Make("a.example.com", "token-1");
  const auto second = Make("b.example.com", "token-1");
  ASSERT_TRUE(PutUp(first).ok());
  ASSERT_TRUE(PutUp(second).ok());
  ASSERT_TRUE(TakeDown(first).ok());
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
  ASSERT_TRUE(TakeDown(second).ok());
  EXPECT_EQ(subject_->Look(second), "");
}

TEST_P(PresenterContract, RemovesThisVeryProofOnly) {
  const auto up = Make("www.example.com", "token-1", 'a');
  const auto other_account = Make("www.example.com", "token-1", 'b');
  ASSERT_TRUE(PutUp(up).ok());
  EXPECT_EQ(PutUp(other_account).ok(), subject_->AccountsCoexist());
  EXPECT_EQ(subject_->Look(up), up.key_authorization.value());
  EXPECT_TRUE(TakeDown(other_account).ok());
  EXPECT_EQ(subject_->Look(up), up.key_authorization.value());
}

TEST_P(PresenterContract, ManyAtOnce) {
  std::vector<challenge::Proof> proofs;
  for (int i = 0; i < 100; ++i) {
    proofs.push_back(Make("n" + std::to_string(i) + ".example.com", "token-" + std::to_string(i)));
    ASSERT_TRUE(PutUp(proofs.back()).ok());
  }
  for (const auto& proof : proofs) {
    EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
  }
  for (const auto& proof : proofs) ASSERT_TRUE(TakeDown(proof).ok());
  for (const auto& proof : proofs) EXPECT_EQ(subject_->Look(proof), "");
}

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_PRESENTER_CONTRACT_H_
