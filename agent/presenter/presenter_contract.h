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
  // What the CA gets for this proof; empty if nothing.
  virtual std::string Look(const challenge::Proof& proof) = 0;
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
};

TEST_P(PresenterContract, ServesWhenPutUpReturnsAndNotWhenTakeDownReturns) {
  const auto proof = MakeProof("www.example.com", "token-1");
  EXPECT_EQ(subject_->Look(proof), "");
  for (int round = 0; round < 3; ++round) {
    const auto place = presenter_.PutUp(proof);
    ASSERT_TRUE(place.ok()) << place.status();
    EXPECT_FALSE(place->empty());
    EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
    ASSERT_TRUE(presenter_.TakeDown(proof).ok());
    EXPECT_EQ(subject_->Look(proof), "");
  }
}

TEST_P(PresenterContract, TheSameProofAgainIsOk) {
  const auto proof = MakeProof("www.example.com", "token-1");
  ASSERT_TRUE(presenter_.PutUp(proof).ok());
  ASSERT_TRUE(presenter_.PutUp(proof).ok());
  EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
  ASSERT_TRUE(presenter_.TakeDown(proof).ok());
  EXPECT_EQ(subject_->Look(proof), "");
  EXPECT_TRUE(presenter_.TakeDown(proof).ok());
}

TEST_P(PresenterContract, TakingDownWhatIsNotUpIsOk) {
  EXPECT_TRUE(presenter_.TakeDown(MakeProof("www.example.com", "token-1")).ok());
}

TEST_P(PresenterContract, ProofsOfOneNameCoexist) {
  const auto first = MakeProof("www.example.com", "token-1");
  const auto second = MakeProof("www.example.com", "token-2");
  ASSERT_TRUE(presenter_.PutUp(first).ok());
  ASSERT_TRUE(presenter_.PutUp(second).ok());
  EXPECT_EQ(subject_->Look(first), first.key_authorization.value());
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
  ASSERT_TRUE(presenter_.TakeDown(first).ok());
  EXPECT_EQ(subject_->Look(first), "");
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
}

TEST_P(PresenterContract, NamesThatShareATokenCoexist) {
  const auto first = MakeProof("a.example.com", "token-1");
  const auto second = MakeProof("b.example.com", "token-1");
  ASSERT_TRUE(presenter_.PutUp(first).ok());
  ASSERT_TRUE(presenter_.PutUp(second).ok());
  ASSERT_TRUE(presenter_.TakeDown(first).ok());
  EXPECT_EQ(subject_->Look(second), second.key_authorization.value());
  ASSERT_TRUE(presenter_.TakeDown(second).ok());
  EXPECT_EQ(subject_->Look(second), "");
}

TEST_P(PresenterContract, RemovesThisVeryProofOnly) {
  const auto up = MakeProof("www.example.com", "token-1", 'a');
  const auto other_account = MakeProof("www.example.com", "token-1", 'b');
  ASSERT_TRUE(presenter_.PutUp(up).ok());
  EXPECT_FALSE(presenter_.PutUp(other_account).ok());
  EXPECT_EQ(subject_->Look(up), up.key_authorization.value());
  EXPECT_TRUE(presenter_.TakeDown(other_account).ok());
  EXPECT_EQ(subject_->Look(up), up.key_authorization.value());
}

TEST_P(PresenterContract, ManyAtOnce) {
  std::vector<challenge::Proof> proofs;
  for (int i = 0; i < 100; ++i) {
    proofs.push_back(
        MakeProof("n" + std::to_string(i) + ".example.com", "token-" + std::to_string(i)));
    ASSERT_TRUE(presenter_.PutUp(proofs.back()).ok());
  }
  for (const auto& proof : proofs) {
    EXPECT_EQ(subject_->Look(proof), proof.key_authorization.value());
  }
  for (const auto& proof : proofs) ASSERT_TRUE(presenter_.TakeDown(proof).ok());
  for (const auto& proof : proofs) EXPECT_EQ(subject_->Look(proof), "");
}

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_PRESENTER_CONTRACT_H_
