#include "common/crypto/revocation_list.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

RevocationList::Draft Draft() {
  return {.number = 7,
          .now = TestNow(),
          .next_update = TestNow() + absl::Hours(24 * 365),
          .revoked = {{"ab12cd", TestNow() - absl::Hours(1)},
                      {std::string(32, 'f'), TestNow()},
                      {"1", TestNow()}}};
}

const TestCertificate& Ca() {
  static const auto* const ca = new TestCertificate(MakeTestCa("root", nullptr));
  return *ca;
}

TEST(RevocationList, SaysWhatWasPutIn) {
  const auto pem = RevocationList::MakePem(Draft(), Ca().key, Ca().certificate);
  ASSERT_TRUE(pem.ok()) << pem.status();
  const auto list = RevocationList::ParsePem(*pem);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->number(), 7);
  EXPECT_EQ(list->size(), 3);
  EXPECT_EQ(list->revoked(), Draft().revoked);
  for (const char* serial : {"ab12cd", "1", "ffffffffffffffffffffffffffffffff"}) {
    EXPECT_TRUE(list->Revokes(serial)) << serial;
  }
  for (const char* serial : {"", "ab12c", "0ab12cd", "AB12CD", "2", "ab12cd "}) {
    EXPECT_FALSE(list->Revokes(serial)) << serial;
  }
}

TEST(RevocationList, HoldsForCertificatesOfOurs) {
  TestDraft draft;
  draft.subject = "one";
  const Certificate certificate = MakeTestCertificate(draft, &Ca()).certificate;
  RevocationList::Draft list = Draft();
  list.revoked = {{certificate.serial(), TestNow()}};
  const auto made =
      RevocationList::ParsePem(*RevocationList::MakePem(list, Ca().key, Ca().certificate));
  EXPECT_TRUE(made->Revokes(certificate.serial()));
}

TEST(RevocationList, IsSignedByItsAuthorityAlone) {
  const TestCertificate same_name = MakeTestCa("root", nullptr);
  const TestCertificate other_name = MakeTestCa("other", nullptr);
  TestDraft leaf_draft;
  leaf_draft.subject = "root";
  leaf_draft.key = Ca().key;
  const TestCertificate leaf = MakeTestCertificate(leaf_draft, nullptr);
  const auto list =
      RevocationList::ParsePem(*RevocationList::MakePem(Draft(), Ca().key, Ca().certificate));
  ASSERT_TRUE(list.ok());
  EXPECT_TRUE(list->IsSignedBy(Ca().certificate));
  EXPECT_FALSE(list->IsSignedBy(same_name.certificate)) << "another key";
  EXPECT_FALSE(list->IsSignedBy(other_name.certificate)) << "another name";
  EXPECT_FALSE(list->IsSignedBy(leaf.certificate)) << "no authority";
}

TEST(RevocationList, WhatIsNoneIsRefused) {
  const std::string good = *RevocationList::MakePem(Draft(), Ca().key, Ca().certificate);
  std::string damaged = good;
  damaged.resize(good.size() / 2);
  const struct {
    const char* what;
    std::string text;
  } cases[] = {
      {"nothing", ""},
      {"text", "revoked: all\n"},
      {"half of one", damaged},
      {"two", good + good},
      {"a certificate", Ca().certificate.ToPem()},
      {"long", std::string(kMaxRevocationList + 1, 'x')},
  };
  for (const auto& c : cases) {
    const auto list = RevocationList::ParsePem(c.text);
    EXPECT_FALSE(list.ok()) << c.what;
    EXPECT_EQ(ErrorReason(list.status()), "BAD_REVOCATION_LIST") << c.what;
  }
  RevocationList::Draft draft = Draft();
  draft.number = 0;
  EXPECT_FALSE(
      RevocationList::ParsePem(*RevocationList::MakePem(draft, Ca().key, Ca().certificate)).ok())
      << "a list without a number could be any";
}

TEST(RevocationList, HasACap) {
  RevocationList::Draft draft = Draft();
  draft.revoked.clear();
  for (int i = 0; i < kMaxRevoked; ++i) draft.revoked[absl::StrCat(absl::Hex(i + 1))] = TestNow();
  const auto full = RevocationList::MakePem(draft, Ca().key, Ca().certificate);
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(RevocationList::ParsePem(*full)->size(), kMaxRevoked);
  draft.revoked["fffffff"] = TestNow();
  EXPECT_FALSE(RevocationList::MakePem(draft, Ca().key, Ca().certificate).ok());
  for (const char* serial : {"", "xyz", "12 34", "-1"}) {
    draft.revoked = {{serial, TestNow()}};
    EXPECT_FALSE(RevocationList::MakePem(draft, Ca().key, Ca().certificate).ok()) << serial;
  }
}

}  // namespace
}  // namespace norroy::crypto
