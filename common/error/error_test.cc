#include "common/error/error.h"

#include <gtest/gtest.h>

namespace norroy {
namespace {

TEST(Error, CarriesReasonAndMetadataThroughContext) {
  const absl::Status error = MakeError(absl::StatusCode::kNotFound, "NO_SUCH_ORDER",
                                       "order 12 does not exist", {{"order_id", "12"}});
  const absl::Status wrapped = WithContext(error, "finalize");
  EXPECT_EQ(wrapped.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(wrapped.message(), "finalize: order 12 does not exist");
  EXPECT_EQ(ErrorReason(wrapped), "NO_SUCH_ORDER");
  EXPECT_EQ(ErrorMetadataOf(wrapped), (ErrorMetadata{{"order_id", "12"}}));
  EXPECT_EQ(ErrorReason(absl::InternalError("bare")), "");
  EXPECT_TRUE(WithContext(absl::OkStatus(), "x").ok());
}

TEST(Printable, EscapesWhatATerminalObeysAndWhatIsNotUtf8) {
  struct Case {
    absl::string_view text, expected;
  };
  const Case cases[] = {
      {"plain", "plain"},
      {"b\xC3\xBC"
       "cher",
       "b\xC3\xBC"
       "cher"},
      {"a\nb\x1b[31m", "a\\x0ab\\x1b[31m"},
      {"\xC2\x9B"
       "31m",
       "\\xc2\\x9b31m"},                                      // C1 control
      {"\xC0\x80\xED\xA0\x80", "\\xc0\\x80\\xed\\xa0\\x80"},  // overlong, surrogate
      {"\xF5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
      {absl::string_view("\0", 1), "\\x00"},
  };
  for (const Case& c : cases) EXPECT_EQ(Printable(c.text), c.expected);
  EXPECT_EQ(Printable("abcdef", 3), "abc...");
}

// Text that reads backwards can pass for another one.
TEST(Printable, EscapesWhatTurnsTextRound) {
  for (const absl::string_view control :
       {"\u061C", "\u200E", "\u200F", "\u2028", "\u2029", "\u202A", "\u202B", "\u202C", "\u202D",
        "\u202E", "\u2066", "\u2067", "\u2068", "\u2069"}) {
    const std::string text = Printable("a" + std::string(control) + "b");
    EXPECT_EQ(text.front(), 'a');
    EXPECT_EQ(text.back(), 'b');
    EXPECT_EQ(text.size(), 2 + 4 * control.size()) << text;
  }
  EXPECT_EQ(Printable("web\u202E1bew"), "web\\xe2\\x80\\xae1bew");
  // Their neighbours are plain.
  for (const absl::string_view plain :
       {"\u061B", "\u061D", "\u200D", "\u2010", "\u2027", "\u202F", "\u2065", "\u206A"}) {
    EXPECT_EQ(Printable(plain), plain);
  }
}

}  // namespace
}  // namespace norroy
