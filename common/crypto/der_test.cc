#include "common/crypto/der.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/crypto/der_builder.h"

namespace norroy::crypto {
namespace {

TEST(CheckDer, TakesOneEncodingOfEachValue) {
  struct Case {
    absl::string_view name, hex, error;  // no error: DER
  };
  const Case cases[] = {
      {"nothing", "", "cut off"},
      {"integer", "020101", ""},
      {"integer 128", "02020080", ""},
      {"integer -128", "020180", ""},
      {"empty integer", "0200", "empty INTEGER"},
      {"padded integer", "02020001", "INTEGER is not minimal"},
      {"padded negative integer", "0202ff80", "INTEGER is not minimal"},
      {"padded enumerated", "0a020001", "INTEGER is not minimal"},
      {"true", "0101ff", ""},
      {"false", "010100", ""},
      {"BER true", "010101", "BOOLEAN"},
      {"long boolean", "0102ffff", "BOOLEAN"},
      {"null", "0500", ""},
      {"null with content", "050100", "NULL"},
      {"bit string", "030204f0", ""},
      {"empty bit string", "030100", ""},
      {"bit string without count", "0300", "BIT STRING"},
      {"8 unused bits", "03020800", "unused bits"},
      {"unused bits of nothing", "030101", "unused bits"},
      {"unused bits set", "030204f1", "not zero"},
      {"oid", "06032a0304", ""},
      {"empty oid", "0600", "empty OBJECT"},
      {"padded arc", "06032a8001", "not minimal"},
      {"arc cut off", "06022a83", "cut off"},
      {"end of contents", "0000", "end-of-contents"},
      {"indefinite length", "30800000", "indefinite"},
      {"long form for a short length", "0281017f", "length is not minimal"},
      {"leading zero in a length", "0482000100", "length is not minimal"},
      {"length of five octets", "30850000000001", "more than four"},
      {"length cut off", "3082ff", "cut off inside a length"},
      {"no length", "30", "cut off before a length"},
      {"a megabyte promised", "048310000000", "where 1 are left"},
      {"content cut off", "3005020101", "where 3 are left"},
      {"bytes after the end", "020101ff", "after the end"},
      {"high tag number", "1f8101020101", "above 30"},
      {"string in pieces", "2403040101", "in pieces"},
      {"primitive sequence", "1000", "not constructed"},
      {"sorted set", "3106020101020102", ""},
      {"unsorted set", "3106020102020101", "not sorted"},
      {"sequence keeps its order", "3006020102020101", ""},
      {"bad inside context tag", "a0020200", "empty INTEGER"},
      {"context primitive is free", "80020001", ""},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckDer(FromHex(c.hex));
    EXPECT_EQ(status.ok(), c.error.empty()) << c.name << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << c.name << ": " << status;
  }
}

TEST(CheckDer, CountsLevels) {
  std::string nested = Null();
  for (int level = 1; level < kMaxDerDepth; ++level) nested = Tlv(0x30, nested);
  EXPECT_TRUE(CheckDer(nested).ok());
  nested = Tlv(0x30, nested);
  EXPECT_FALSE(CheckDer(nested).ok());
  for (int level = 0; level < 1000; ++level) nested = Tlv(0x30, nested);
  EXPECT_FALSE(CheckDer(nested).ok());
}

TEST(OidText, PrintsKnownNamesAndDots) {
  const auto text = [](absl::string_view dotted) { return OidText(Oid(dotted).substr(2)); };
  EXPECT_EQ(text("1.3.101.112"), "ED25519");
  EXPECT_EQ(text("1.2.3.4.5"), "1.2.3.4.5");
  EXPECT_EQ(OidText(""), "an unknown object identifier");
  EXPECT_EQ(OidText(std::string(33, '\x01')), "an unknown object identifier");
  EXPECT_EQ(OidText("\x2A\x80"), "an unknown object identifier");
}

}  // namespace
}  // namespace norroy::crypto
