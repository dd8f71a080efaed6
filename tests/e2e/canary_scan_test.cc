#include "tests/e2e/canary_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/key.h"
#include "tests/harness/process.h"

namespace norroy::harness {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// With bytes that the two base64 alphabets write differently.
constexpr char kSecret[] = "canary \xff\xfe\xfb\xef of 24 bytes!";

TEST(CanaryScan, FindsEveryForm) {
  const std::string secret = kSecret;
  const struct {
    const char* name;
    std::string leak;
  } cases[] = {
      {"itself", secret},
      {"base64", absl::Base64Escape(secret)},
      {"base64url", absl::WebSafeBase64Escape(secret)},
      {"in the middle of base64", absl::Base64Escape("{\"k\":\"" + secret + "\"}")},
      {"in the middle of base64url", absl::WebSafeBase64Escape("ab" + secret + "c")},
      {"one further", absl::WebSafeBase64Escape("a" + secret + "xyz")},
      {"hex", absl::BytesToHexString(secret)},
      {"upper-case hex", absl::AsciiStrToUpper(absl::BytesToHexString(secret))},
  };
  CanaryScan scan;
  scan.Add("the secret", secret, {"/holder"});
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    const std::string text = absl::StrCat("level=debug msg=\"", row.leak, "\" more");
    EXPECT_THAT(scan.LookAt("log", text), SizeIs(1));
    EXPECT_THAT(scan.LookAt("/holder", text), IsEmpty());
  }
  EXPECT_THAT(scan.LookAt("log", "canary of 24 bytes"), IsEmpty());
}

TEST(CanaryScan, FindsKeysByTheirBytesAndTheirLines) {
  for (const crypto::KeyType type : {crypto::KeyType::kP256, crypto::KeyType::kP384}) {
    const auto key = crypto::PrivateKey::Generate(type).value();
    const std::string pem(key.ToPem().Expose());
    CanaryScan scan;
    scan.AddPem("key", "text before\n" + pem, {});
    EXPECT_EQ(scan.size(), 3u);
    EXPECT_THAT(scan.LookAt("log", pem), ::testing::Not(IsEmpty()));
    // As one line of a log.
    std::string escaped = absl::CEscape(pem);
    EXPECT_THAT(scan.LookAt("log", escaped), ::testing::Not(IsEmpty()));
    EXPECT_THAT(scan.LookAt("log", absl::BytesToHexString(key.public_key().spki_der())), IsEmpty());
    EXPECT_THAT(scan.LookAt("log", absl::Base64Escape(key.public_key().spki_der())), IsEmpty());
    EXPECT_THAT(scan.LookAt("log", key.public_key().jwk()), IsEmpty());
  }
}

TEST(CanaryScan, LooksIntoEveryFile) {
  const std::string dir = TempDir("scan");
  ASSERT_EQ(mkdir((dir + "/a").c_str(), 0755), 0);
  ASSERT_EQ(mkdir((dir + "/not").c_str(), 0755), 0);
  WriteAll(dir + "/a/x.db-wal", absl::StrCat(std::string("\0\1\2", 3), kSecret));
  WriteAll(dir + "/not/mine", kSecret);
  WriteAll(dir + "/a/holder", kSecret, 0600);
  CanaryScan scan;
  scan.Add("secret", kSecret, {dir + "/a/holder"});
  const auto found = scan.LookBelow(dir, {dir + "/not/"});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0], dir + "/a/x.db-wal: secret as it is");
  EXPECT_THAT(scan.files(), SizeIs(2));
}

}  // namespace
}  // namespace norroy::harness
