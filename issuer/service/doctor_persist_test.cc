#include "issuer/service/doctor_persist.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error/error.h"

namespace norroy::service {
namespace {

constexpr char kAccount[] = "https://ca.example/acct/1";

challenge::Name NameOf(const std::string& text) { return challenge::Name::Parse(text).value(); }

TEST(DescribePersist, OwnerAndValue) {
  const struct {
    const char* name;
    int64_t until;
    const char* owner;
    const char* value;
  } cases[] = {
      {"example.com", 0, "_validation-persist.example.com",
       "ca.example; accounturi=https://ca.example/acct/1"},
      {"www.example.com", 1'790'000'000, "_validation-persist.www.example.com",
       "ca.example; accounturi=https://ca.example/acct/1; persistUntil=1790000000"},
      {"*.example.com", 0, "_validation-persist.example.com",
       "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard"},
      {"*.example.com", 1'790'000'000, "_validation-persist.example.com",
       "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; "
       "persistUntil=1790000000"},
  };
  for (const auto& c : cases) {
    const auto record = DescribePersist(NameOf(c.name), "ca.example", kAccount, c.until);
    ASSERT_TRUE(record.ok()) << c.name << ": " << record.status();
    EXPECT_EQ(record->owner, c.owner);
    EXPECT_EQ(record->value, c.value);
  }
}

TEST(DescribePersist, WhatDoesNotFitIsRefused) {
  const std::string longest(1024, 'a');
  const struct {
    const char* name;
    std::string issuer, account;
    const char* reason;
  } cases[] = {
      {"192.0.2.1", "ca.example", kAccount, "BAD_FIELD"},
      {"2001:db8::1", "ca.example", kAccount, "BAD_FIELD"},
      {"a.example.com", "", kAccount, "BAD_CA_FACT"},
      {"a.example.com", "ca.example", "", "BAD_CA_FACT"},
      {"a.example.com", "ca.example; policy=wildcard", kAccount, "BAD_CA_FACT"},
      {"a.example.com", "ca.example", "https://ca/1;persistUntil=1", "BAD_CA_FACT"},
      {"a.example.com", "ca.example", "https://ca/\"1", "BAD_CA_FACT"},
      {"a.example.com", "ca.example", "https://ca/\n1", "BAD_CA_FACT"},
      {"a.example.com", "ca.example", "https://c\xc3\xa4/1", "BAD_CA_FACT"},
      {"a.example.com", longest + "a", kAccount, "BAD_CA_FACT"},
      {"a.example.com", longest, kAccount, ""},
  };
  for (const auto& c : cases) {
    const auto record = DescribePersist(NameOf(c.name), c.issuer, c.account, 0);
    EXPECT_EQ(ErrorReason(record.status()), c.reason) << c.name << " " << c.issuer;
  }
}

}  // namespace
}  // namespace norroy::service
