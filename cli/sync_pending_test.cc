#include "cli/sync_pending.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "cli/sync_test_ca.h"

namespace norroy::cli {
namespace {

class PendingTest : public testing::Test {
 protected:
  PendingRenewal Begin(const crypto::Certificate* installed = nullptr,
                       const crypto::PrivateKey* old_key = nullptr) {
    auto begun = file_.Begin(wanted_, installed, old_key, "0123abcd");
    EXPECT_TRUE(begun.ok()) << begun.status();
    return *std::move(begun);
  }
  std::string path() const { return folder_ + "/pending/www.example.com.pem"; }

  const SyncTestCa ca_;
  const std::string folder_ = NewSyncFolder();
  const WantedCertificate wanted_ = Wanted();
  const CertificateSet old_ = ca_.Issue({.not_before = crypto::TestNow()});
  const CertificateSet newer_ = ca_.Issue({.not_before = crypto::TestNow()});
  const PendingFile file_{folder_, "www.example.com"};
};

TEST_F(PendingTest, IsTakenUpAsItWas) {
  EXPECT_FALSE(file_.Read(wanted_, nullptr).has_value());
  const PendingRenewal begun = Begin(&old_.chain.leaf());
  const auto read = file_.Read(wanted_, &old_.chain.leaf());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->csr.der(), begun.csr.der());
  EXPECT_TRUE(read->key.public_key() == begun.key.public_key());
  EXPECT_EQ(read->RequestId(wanted_), begun.RequestId(wanted_));
  EXPECT_EQ(read->renews, "0123abcd");
  EXPECT_FALSE(begun.key.public_key() == old_.key.public_key()) << "a new key each time";
  struct stat info = {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(stat((folder_ + "/pending").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  file_.Drop();
  EXPECT_FALSE(file_.Read(wanted_, &old_.chain.leaf()).has_value());
}

TEST_F(PendingTest, IsOnlyForWhatItWasMadeFor) {
  Begin(&old_.chain.leaf());
  // Another certificate is installed by now: it was done, or somebody else did it.
  EXPECT_FALSE(file_.Read(wanted_, &newer_.chain.leaf()).has_value());
  EXPECT_FALSE(file_.Read(wanted_, nullptr).has_value());
  EXPECT_FALSE(file_.Read(Wanted({"www.example.com", "b.example.com"}), &old_.chain.leaf()));
  WantedCertificate rsa = wanted_;
  rsa.key_type = crypto::KeyType::kRsa2048;
  EXPECT_FALSE(file_.Read(rsa, &old_.chain.leaf()).has_value());
  EXPECT_TRUE(file_.Read(wanted_, &old_.chain.leaf()).has_value());
}

TEST_F(PendingTest, TheRequestIsAnotherWhenTheOrderWouldBe) {
  const PendingRenewal pending = Begin();
  WantedCertificate profile = wanted_;
  profile.profile = "shortlived";
  WantedCertificate name = wanted_;
  name.name = "other";
  EXPECT_NE(pending.RequestId(wanted_), pending.RequestId(profile));
  EXPECT_NE(pending.RequestId(wanted_), pending.RequestId(name));
  EXPECT_LE(pending.RequestId(wanted_).size(), 64u);
  // RSA signs the same CSR the same way each time: what it replaces tells the renewals apart.
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kRsa2048);
  const PendingRenewal first = Begin(nullptr, &*key);
  const PendingRenewal second = Begin(&old_.chain.leaf(), &*key);
  EXPECT_EQ(first.csr.der(), second.csr.der());
  EXPECT_NE(first.RequestId(wanted_), second.RequestId(wanted_));
}

TEST_F(PendingTest, WhatOthersCouldReadOrIsHalfIsNotUsed) {
  const PendingRenewal begun = Begin();
  ASSERT_EQ(chmod(path().c_str(), 0640), 0);
  EXPECT_FALSE(file_.Read(wanted_, nullptr).has_value());
  ASSERT_EQ(chmod(path().c_str(), 0600), 0);
  ASSERT_TRUE(file_.Read(wanted_, nullptr).has_value());
  const auto size = std::filesystem::file_size(path());
  for (size_t cut = 0; cut < size; cut += 37) {
    std::filesystem::resize_file(path(), size - cut);
    // The last line's end may be missing.
    EXPECT_EQ(file_.Read(wanted_, nullptr).has_value(), cut < 2) << cut;
  }
  EXPECT_FALSE(Begin().key.public_key() == begun.key.public_key());
  EXPECT_TRUE(file_.Read(wanted_, nullptr).has_value());
}

}  // namespace
}  // namespace norroy::cli
