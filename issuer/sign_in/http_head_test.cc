#include "issuer/sign_in/http_head.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace norroy::sign_in {
namespace {

using State = HttpHead::State;

TEST(HttpHead, Reads) {
  const std::string bytes =
      "POST /v1/sign-in HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  12 \r\nExpect: "
      "100-Continue\r\n\r\n{}";
  const HttpHead head = ParseHttpHead(bytes);
  EXPECT_EQ(head.state, State::kComplete);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/v1/sign-in");
  EXPECT_EQ(head.body_bytes, 12u);
  EXPECT_TRUE(head.wants_continue);
  EXPECT_EQ(head.size, bytes.size() - 2);
}

TEST(HttpHead, States) {
  const auto with = [](const std::string& field) {
    return absl::StrCat("POST / HTTP/1.1\r\n", field, "\r\n\r\n");
  };
  const struct {
    const char* what;
    std::string bytes;
    State state;
  } cases[] = {
      {"nothing", "", State::kIncomplete},
      {"half a line", "POST /v1", State::kIncomplete},
      {"no empty line", "POST / HTTP/1.1\r\nHost: a\r\n", State::kIncomplete},
      {"one byte too few", std::string(kMaxHead - 1, 'A'), State::kIncomplete},
      {"no end", std::string(kMaxHead, 'A'), State::kBad},
      {"plain", with("Host: a"), State::kComplete},
      {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", State::kComplete},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", State::kBad},
      {"no version", "GET /\r\n\r\n", State::kBad},
      {"absolute form", "GET http://a/ HTTP/1.1\r\n\r\n", State::kBad},
      {"two lengths", with("Content-Length: 1\r\nContent-Length: 1"), State::kBad},
      {"a list of lengths", with("Content-Length: 1, 1"), State::kBad},
      {"a negative length", with("Content-Length: -1"), State::kBad},
      {"a signed length", with("Content-Length: +1"), State::kBad},
      {"a length in hexadecimal", with("Content-Length: 0x10"), State::kBad},
      {"no length", with("Content-Length:"), State::kBad},
      {"chunked", with("Transfer-Encoding: chunked"), State::kBad},
      {"chunked in another case", with("tRANSFER-eNCODING: x"), State::kBad},
      {"a blank before the colon", with("Content-Length : 1"), State::kBad},
      {"a folded line", with("A: b\r\n c"), State::kBad},
      {"bare LF", "POST / HTTP/1.1\nA: b\n\r\n\r\n", State::kBad},
      {"bare CR", with("A: b\rc"), State::kBad},
      {"NUL", with(std::string("A: b\0c", 6)), State::kBad},
      {"no colon", with("A"), State::kBad},
      {"64 fields", with("A: b" + std::string()), State::kComplete},
  };
  for (const auto& c : cases) EXPECT_EQ(ParseHttpHead(c.bytes).state, c.state) << c.what;
  std::string many = "POST / HTTP/1.1\r\n";
  for (int i = 0; i < kMaxHeaderLines; ++i) many += "A: b\r\n";
  EXPECT_EQ(ParseHttpHead(many + "\r\n").state, State::kComplete);
  EXPECT_EQ(ParseHttpHead(many + "A: b\r\n\r\n").state, State::kBad);
}

TEST(HttpHead, ALengthThatCannotBeCounted) {
  const HttpHead head =
      ParseHttpHead("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n");
  EXPECT_EQ(head.state, State::kComplete);
  EXPECT_EQ(head.body_bytes, SIZE_MAX);
}

}  // namespace
}  // namespace norroy::sign_in
