#include "common/crypto/key_uri.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

TEST(KeyUri, ReadsPathsAndTokens) {
  const struct {
    std::string text, path, token_uri, token_only, pin_file;
  } cases[] = {
      {"keys/le.pem", "keys/le.pem", "", "", ""},
      {"/etc/norroy/le.pem", "/etc/norroy/le.pem", "", "", ""},
      {"./odd:name.pem", "./odd:name.pem", "", "", ""},
      {"file:/etc/norroy/le.pem", "/etc/norroy/le.pem", "", "", ""},
      {"file:///etc/a%20b.pem", "/etc/a b.pem", "", "", ""},
      {"pkcs11:token=norroy;object=seal", "", "pkcs11:token=norroy;object=seal",
       "pkcs11:token=norroy", ""},
      {"pkcs11:id=%01%aF;type=private;serial=12ab", "", "pkcs11:serial=12ab;id=%01%aF",
       "pkcs11:serial=12ab", ""},
      {"pkcs11:token=my%20token;model=M;manufacturer=X;object=a%3Bb?pin-source=/run/pin", "",
       "pkcs11:token=my%20token;model=M;manufacturer=X;object=a%3Bb",
       "pkcs11:token=my%20token;model=M;manufacturer=X", "/run/pin"},
      {"pkcs11:token=t;object=o?pin-source=file:///run/a%25b", "", "pkcs11:token=t;object=o",
       "pkcs11:token=t", "/run/a%b"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.text);
    const auto uri = KeyUri::Parse(row.text);
    ASSERT_TRUE(uri.ok()) << uri.status();
    EXPECT_EQ(uri->in_token(), row.path.empty());
    EXPECT_EQ(uri->path(), row.path);
    EXPECT_EQ(uri->token_uri(), row.token_uri);
    EXPECT_EQ(uri->token_only(), row.token_only);
    EXPECT_EQ(uri->pin_file(), row.pin_file);
    EXPECT_EQ(uri->text(), row.path.empty() ? row.token_uri : row.path);
  }
}

TEST(KeyUri, SaysWhatIsWrong) {
  const struct {
    std::string text, message;
  } cases[] = {
      {"", "is empty"},
      {std::string(kMaxKeyUri + 1, 'a'), "longer than 2048"},
      {"a\nb", "control characters"},
      {std::string("a\0b", 3), "control characters"},
      {"https://vault.test/key", "\"https:\" is unknown"},
      {"PKCS11:token=t;object=o", "is unknown"},
      {"handle:0x81000001", "\"handle:\" is unknown"},
      {"file:", "absolute path"},
      {"file:/", "absolute path"},
      {"file:key.pem", "absolute path"},
      {"file://host/key.pem", "absolute path"},
      {"file:/a%0", "absolute path"},
      {"file:/a%", "absolute path"},
      {"file:/a%zz", "absolute path"},
      {"file:/a%00b", "absolute path"},
      {"pkcs11:", "none of token"},
      {"pkcs11:token=t", "which key"},
      {"pkcs11:object=o", "which token"},
      {"pkcs11:model=m;object=o", "which token"},
      {"pkcs11:token=;object=o", "value of token"},
      {"pkcs11:token=t;object=%0", "value of object"},
      {"pkcs11:token=t;object=a%0Ab", "value of object"},
      {"pkcs11:token=t;object=a b", "value of object"},
      {"pkcs11:token=t;object=" + std::string(128, 'o'), "value of object"},
      {"pkcs11:token=t;token=u;object=o", "token stands there twice"},
      {"pkcs11:token=t;object=o;", "none of token"},
      {"pkcs11:token=t;object=o;slot-id=1", "\"slot-id\" is none of"},
      {"pkcs11:token=t;object=o;type=cert", "type must be private"},
      {"pkcs11:token=t;object=o?", "pin-source"},
      {"pkcs11:token=t;object=o?pin-source=pin", "absolute path"},
      {"pkcs11:token=t;object=o?pin-source=|/bin/secret", "absolute path"},
      {"pkcs11:token=t;object=o?pin-source=/a&pin-source=/b", "once"},
      {"pkcs11:token=t;object=o?module-path=/lib/m.so", "pkcs11_module"},
      {"pkcs11:token=t;object=o?pin-value=secret", "pin-value is refused"},
      {"pkcs11:token=t;object=o;pin-value=secret", "pin-value is refused"},
      {"pkcs11:token=t;object=o&pin-value=secret", "pin-value is refused"},
      {"pkcs11:token=t;object=o?x-pin=secret", "nothing else"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.text);
    const absl::Status status = KeyUri::Parse(row.text).status();
    EXPECT_EQ(ErrorReason(status), "BAD_KEY_URI") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), row.message)) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "secret")) << status;
  }
}

}  // namespace
}  // namespace norroy::crypto
