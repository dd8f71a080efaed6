#include "cli/certificate_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::cli {
namespace {

class CertificateFilesTest : public testing::Test {
 protected:
  CertificateFilesTest()
      : folder_(absl::StrCat(testing::TempDir(), "/files/",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {}

  // A leaf for the key and its intermediate.
  std::string Chain(const crypto::PrivateKey& key) {
    const absl::Time now = absl::FromUnixSeconds(1800000000);
    const auto root = identity::MakeRoot("core", "test", now, absl::Hours(1000));
    const auto ca = identity::MakeIntermediate(*root, "ci", "ci.test", now, absl::Hours(1000));
    const auto leaf = identity::IssueLeaf(
        *ca, key.public_key(),
        {{"test", types::v1::ROLE_REQUESTER, "web", ""}, {}, now, absl::Hours(10)});
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return leaf->ToPem() + ca->certificate.ToPem();
  }
  static crypto::PrivateKey Key() { return *crypto::PrivateKey::Generate(crypto::KeyType::kP256); }
  static std::string Read(const std::string& path) { return *identity::ReadFile(path, 100000); }
  size_t FileCount() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_),
                                             std::filesystem::directory_iterator()));
  }

  const std::string folder_;
};

TEST(FolderName, WildcardsHaveTheirOwn) {
  EXPECT_EQ(FolderName("www.example.com"), "www.example.com");
  EXPECT_EQ(FolderName("*.example.com"), "_.example.com");
}

TEST_F(CertificateFilesTest, TheWaitingKeyMeetsItsCertificate) {
  const crypto::PrivateKey key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, key).ok());
  const auto files = WriteCertificate(folder_, Chain(key));
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(FileCount(), 4u);
  EXPECT_EQ(Read(files->fullchain()), Read(files->cert()) + Read(files->chain()));
  EXPECT_EQ(Read(files->privkey()), key.ToPem().Expose());
  struct stat info = {};
  ASSERT_EQ(stat(files->privkey().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(CertificateFilesTest, ARenewalReplacesKeyAndCertificate) {
  const crypto::PrivateKey old_key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, old_key).ok());
  ASSERT_TRUE(WriteCertificate(folder_, Chain(old_key)).ok());
  const crypto::PrivateKey new_key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, new_key).ok());
  const auto files = WriteCertificate(folder_, Chain(new_key));
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(Read(files->privkey()), new_key.ToPem().Expose());
  EXPECT_EQ(FileCount(), 4u);
}

TEST_F(CertificateFilesTest, TheSameKeyMayStay) {
  const crypto::PrivateKey key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, key).ok());
  ASSERT_TRUE(WriteCertificate(folder_, Chain(key)).ok());
  const auto again = WriteCertificate(folder_, Chain(key));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->privkey().empty());
}

TEST_F(CertificateFilesTest, WithoutAKeyThereIsNoKeyFile) {
  const auto files = WriteCertificate(folder_, Chain(Key()));
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_TRUE(files->privkey().empty());
  EXPECT_EQ(FileCount(), 3u);
}

TEST_F(CertificateFilesTest, AnotherKeyIsNeverPairedWithIt) {
  const crypto::PrivateKey key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, key).ok());
  const auto files = WriteCertificate(folder_, Chain(key));
  ASSERT_TRUE(files.ok()) << files.status();
  const std::string before = Read(files->fullchain());
  const auto other = WriteCertificate(folder_, Chain(Key()));
  EXPECT_EQ(ErrorReason(other.status()), "KEY_MISMATCH") << other.status();
  EXPECT_EQ(Read(files->fullchain()), before);
}

TEST_F(CertificateFilesTest, ADroppedKeyIsGone) {
  const crypto::PrivateKey key = Key();
  ASSERT_TRUE(SavePendingKey(folder_, key).ok());
  DropPendingKey(folder_, key.public_key());
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(CertificateFilesTest, WhatIsNoChainIsNotWritten) {
  for (const char* text : {"", "nonsense"}) {
    EXPECT_FALSE(WriteCertificate(folder_, text).ok());
    EXPECT_FALSE(std::filesystem::exists(folder_));
  }
}

}  // namespace
}  // namespace norroy::cli
