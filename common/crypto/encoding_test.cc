#include "common/crypto/encoding.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

TEST(Digests, MatchPublishedVectors) {
  // FIPS 180-4, "abc".
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // RFC 4231 4.3.
  EXPECT_EQ(Hex(HmacSha256(Secret("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacSha256(Secret(), "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Base64Url, MatchesPublishedVectorsBothWays) {
  struct Case {
    absl::string_view bytes, text;
  };
  const Case cases[] = {
      // RFC 4648 10, without the padding.
      {"", ""},
      {"f", "Zg"},
      {"fo", "Zm8"},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg"},
      {"fooba", "Zm9vYmE"},
      {"foobar", "Zm9vYmFy"},
      // The two letters that base64 does not have.
      {"\xFB\xFF\xFE", "-__-"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Base64Url(c.bytes), c.text);
    EXPECT_EQ(Base64UrlDecode(c.text).value(), c.bytes);
  }
}

TEST(Base64Url, RefusesEveryOtherSpelling) {
  for (const absl::string_view text : {"Zg==", "Zg=", "Z", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zm 9v",
                                       "Zm9v+", "Zm9/", "Zm9.", "Zm9vY", "\xC3\xA4", "Zm9vYmE="}) {
    const auto decoded = Base64UrlDecode(text);
    EXPECT_FALSE(decoded.ok()) << text;
    EXPECT_EQ(ErrorReason(decoded.status()), "BAD_BASE64URL");
  }
  EXPECT_FALSE(Base64UrlDecode(absl::string_view("Zg\0", 3)).ok());
}

constexpr absl::string_view kBlock = "-----BEGIN X Y-----\nZm9v\n-----END X Y-----\n";

TEST(Pem, ReadsBlocks) {
  struct Case {
    absl::string_view name;
    std::string text;
    int blocks;  // -1: refused
    absl::string_view error;
  };
  const std::string block(kBlock);
  const Case cases[] = {
      {"empty", "", 0, ""},
      {"text alone", "hello\nworld", 0, ""},
      {"one", block, 1, ""},
      {"two", block + block, 2, ""},
      {"text around", "subject=x\n" + block + "between\n" + block + "after", 2, ""},
      {"no newline at the end", block.substr(0, block.size() - 1), 1, ""},
      {"CRLF", "-----BEGIN X-----\r\nZm9v\r\n-----END X-----\r\n", 1, ""},
      {"trailing blanks", "-----BEGIN X----- \t\nZm9v \n-----END X-----  \n", 1, ""},
      {"byte order mark", "\xEF\xBB\xBF" + block, 1, ""},
      {"blank line inside", "-----BEGIN X-----\nZm9v\n\nYmFy\n-----END X-----\n", 1, ""},
      {"padding", "-----BEGIN X-----\nZg==\n-----END X-----\n", 1, ""},
      {"one long line", "-----BEGIN X-----\n" + std::string(4000, 'A') + "\n-----END X-----", 1,
       ""},
      {"hyphen in a label", "-----BEGIN X-Y-----\nZm9v\n-----END X-Y-----\n", 1, ""},
      {"hyphen at its end", "-----BEGIN X------\nZm9v\n-----END X------\n", -1, "malformed"},
      {"no end", "-----BEGIN X-----\nZm9v\n", -1, "has no END"},
      {"end only", "-----END X-----\n", -1, "line 1: END without BEGIN"},
      {"other end", "-----BEGIN X-----\nZm9v\n-----END Y-----\n", -1, "expected \"-----END X"},
      {"block in block", "-----BEGIN X-----\n" + block, -1, "expected \"-----END X"},
      {"label cut off", "-----BEGIN X---\nZm9v\n-----END X-----\n", -1, "malformed BEGIN"},
      {"no label", "-----BEGIN -----\nZm9v\n-----END -----\n", -1, "malformed BEGIN"},
      {"long label", "-----BEGIN " + std::string(65, 'X') + "-----\n", -1, "malformed BEGIN"},
      {"empty body", "-----BEGIN X-----\n-----END X-----\n", -1, "is empty"},
      {"not base64", "-----BEGIN X-----\nZm9*\n-----END X-----\n", -1, "line 3"},
      {"base64url", "-----BEGIN X-----\nZm-_\n-----END X-----\n", -1, "not base64"},
      {"blank in a line", "-----BEGIN X-----\nZm 9v\n-----END X-----\n", -1, "not base64"},
      {"stray bits", "-----BEGIN X-----\nZh==\n-----END X-----\n", -1, "not base64"},
      {"padding missing", "-----BEGIN X-----\nZg\n-----END X-----\n", -1, "not base64"},
      {"text after padding", "-----BEGIN X-----\nZg==\nZm9v\n-----END X-----\n", -1, "not base64"},
      {"encrypted", "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nZm9v\n-----END X-----\n", -1,
       "line 2: encrypted"},
      {"UTF-16", std::string("\xFF\xFE-\0-\0-\0-\0-\0", 12), 0, ""},
  };
  for (const Case& c : cases) {
    const auto blocks = PemDecode(c.text);
    EXPECT_EQ(blocks.ok() ? static_cast<int>(blocks->size()) : -1, c.blocks) << c.name;
    EXPECT_TRUE(absl::StrContains(blocks.status().message(), c.error))
        << c.name << ": " << blocks.status();
    if (!blocks.ok()) {
      EXPECT_EQ(ErrorReason(blocks.status()), "BAD_PEM");
    }
  }
}

TEST(Pem, KeepsItsCaps) {
  const auto padded = [](size_t size) {
    return std::string(kBlock) + std::string(size - kBlock.size(), 'x');
  };
  EXPECT_TRUE(PemDecode(padded(kMaxPemBytes - 1)).ok());
  EXPECT_TRUE(PemDecode(padded(kMaxPemBytes)).ok());
  EXPECT_FALSE(PemDecode(padded(kMaxPemBytes + 1)).ok());
  EXPECT_FALSE(PemDecode(std::string(10 << 20, '-')).ok());
  std::string text;
  for (size_t i = 1; i <= kMaxPemBlocks; ++i) {
    text += kBlock.data();
    EXPECT_EQ(PemDecode(text).value().size(), i);
  }
  EXPECT_FALSE(PemDecode(text + std::string(kBlock)).ok());
}

TEST(Pem, RoundTrips) {
  for (size_t size = 1; size < 200; ++size) {
    const std::string der(size, static_cast<char>(size));
    const std::string text = PemEncode("SOME LABEL", der);
    const auto blocks = PemDecode(text).value();
    ASSERT_EQ(blocks.size(), 1u);
    EXPECT_EQ(blocks[0].label, "SOME LABEL");
    EXPECT_EQ(blocks[0].der, der);
  }
  // RFC 7468 2: lines of 64.
  EXPECT_EQ(PemEncode("X", std::string(49, '\0')),
            absl::StrCat("-----BEGIN X-----\n", std::string(64, 'A'), "\nAA==\n-----END X-----\n"));
}

}  // namespace
}  // namespace norroy::crypto
