#include "issuer/keys/told_challenges.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace norroy::keys {
namespace {

constexpr absl::Duration kNow = absl::Hours(5);

acme::Authorization AuthorizationOf(
    const std::string& url,
    acme::AuthorizationStatus status = acme::AuthorizationStatus::kPending) {
  const auto token = challenge::Token::Parse("token-token-token-token").value();
  return {.url = url,
          .name = challenge::Name::Parse("www.example.com").value(),
          .status = status,
          .expires = {},
          .challenges = {{challenge::ChallengeType::kHttp01,
                          url + "/http",
                          acme::ChallengeStatus::kPending,
                          token,
                          {}},
                         {challenge::ChallengeType::kDns01,
                          url + "/dns",
                          acme::ChallengeStatus::kPending,
                          token,
                          {}}},
          .retry_after = {}};
}

TEST(ToldChallengesTest, AnAnswerRestsOnTheKeyOfTheFirstRead) {
  ToldChallenges told;
  EXPECT_TRUE(told.MayAnswer("unknown", 0));
  EXPECT_FALSE(told.MayAnswer("unknown", 1));
  told.Read(AuthorizationOf("a"), 0, kNow);
  EXPECT_TRUE(told.MayAnswer("a/http", 0));
  // Read again under the next key while a proof of the first is up.
  told.Read(AuthorizationOf("a"), 1, kNow);
  EXPECT_FALSE(told.MayAnswer("a/dns", 1));
  EXPECT_FALSE(told.MayAnswer("a/http", 1));
  told.Read(AuthorizationOf("a"), 1, kNow);
  EXPECT_TRUE(told.MayAnswer("a/http", 1));
}

TEST(ToldChallengesTest, VerdictsAreCounted) {
  ToldChallenges told;
  for (const std::string url : {"a", "b", "c", "d"}) {
    told.Read(AuthorizationOf(url), 0, kNow);
    EXPECT_FALSE(told.Told(url + "/http", kNow));
  }
  EXPECT_TRUE(told.Told("a/http", kNow));
  EXPECT_EQ(told.waiting(kNow), 4);
  told.NotTold("d/http");
  EXPECT_EQ(told.waiting(kNow), 3);
  told.Read(AuthorizationOf("a", acme::AuthorizationStatus::kValid), 0, kNow);
  EXPECT_EQ(told.waiting(kNow), 2);
  acme::Order order;
  order.authorizations = {"b"};
  order.status = acme::OrderStatus::kPending;
  told.Read(order);
  EXPECT_EQ(told.waiting(kNow), 2);
  order.status = acme::OrderStatus::kReady;
  told.Read(order);
  EXPECT_EQ(told.waiting(kNow), 1);
  EXPECT_EQ(told.waiting(kNow + ToldChallenges::kVerdictTakes), 0);
  told.Deactivated("c");
  EXPECT_EQ(told.waiting(kNow), 0);
  EXPECT_EQ(told.size(), 1u);
}

TEST(ToldChallengesTest, WhatAnEarlierLifeToldIsSeen) {
  ToldChallenges told;
  acme::Authorization authorization = AuthorizationOf("a");
  authorization.challenges[1].status = acme::ChallengeStatus::kProcessing;
  told.Read(authorization, 0, kNow);
  EXPECT_EQ(told.waiting(kNow), 1);
}

TEST(ToldChallengesTest, TheOldestMakeRoom) {
  ToldChallenges told;
  for (size_t i = 0; i <= ToldChallenges::kMax; ++i) {
    told.Read(AuthorizationOf(absl::StrCat("a", i)), 1, kNow);
  }
  EXPECT_EQ(told.size(), ToldChallenges::kMax);
  EXPECT_FALSE(told.MayAnswer("a0/http", 1));
  EXPECT_TRUE(told.MayAnswer(absl::StrCat("a", ToldChallenges::kMax, "/http"), 1));
}

}  // namespace
}  // namespace norroy::keys
