#include "issuer/acme/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::ElementsAre;

TEST(Account, ReadsWhatTheRfcNames) {
  const auto account = Account::Parse(
      R"({"status":"valid","contact":["mailto:a@example.com"],"orders":"ignored","key":{}})",
      "https://ca.example/acct/1");
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->url, "https://ca.example/acct/1");
  EXPECT_EQ(account->status, "valid");
  EXPECT_THAT(account->contacts, ElementsAre("mailto:a@example.com"));
  EXPECT_TRUE(Account::Parse(R"({"status":"deactivated"})", "u").ok());
  EXPECT_TRUE(Account::Parse(R"({"status":"revoked","contact":null})", "u").ok());
}

TEST(Account, RefusesWhatItIsNot) {
  for (const char* const text :
       {"{}", R"({"status":"pending"})", R"({"status":1})", R"({"status":"valid","contact":"x"})",
        R"({"status":"valid","contact":[1]})"}) {
    const auto account = Account::Parse(text, "https://ca.example/acct/1");
    ASSERT_FALSE(account.ok()) << text;
    EXPECT_EQ(ErrorReason(account.status()), "CA_PROTOCOL");
  }
  for (const HostileJson& c : HostileJsonTable()) {
    EXPECT_FALSE(Account::Parse(c.text, "u").ok()) << c.name;
  }
}

}  // namespace
}  // namespace norroy::acme
