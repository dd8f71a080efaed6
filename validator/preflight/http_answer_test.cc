#include "validator/preflight/http_answer.h"

#include <gtest/gtest.h>

namespace norroy::validator::preflight {
namespace {

TEST(HttpAnswerTest, Heads) {
  struct Case {
    std::string bytes;
    HttpParseState state;
    int status = 0;
  };
  const auto complete = HttpParseState::kComplete;
  const auto incomplete = HttpParseState::kIncomplete;
  const auto bad = HttpParseState::kBad;
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\n\r\n", complete, 200},
      {"HTTP/1.0 404 Not Found\n\n", complete, 404},
      {"HTTP/1.1 200\r\n\r\n", complete, 200},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n", complete, 301},
      {"HTTP/1.1 100 Continue\r\n\r\n", incomplete},
      {"", incomplete},
      {"HTT", incomplete},
      {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", incomplete},
      {"SSH-2.0-OpenSSH\r\n", bad},
      {"220 mail.example.com ESMTP", bad},
      {"\x15\x03\x01\x00\x02\x02\x46", bad},
      {"HTTP/2 200\r\n\r\n", bad},
      {"HTTP/1.1 20 OK\r\n\r\n", bad},
      {"HTTP/1.1 2000 OK\r\n\r\n", bad},
      {"HTTP/1.1 099 No\r\n\r\n", bad},
      {"HTTP/1.1 600 No\r\n\r\n", bad},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", bad},
      {"HTTP/1.1 200 OK\r\n: value\r\n\r\n", bad},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", bad},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", bad},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", complete, 200},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(kMaxHttpHead, 'x'), bad},
  };
  for (const Case& c : cases) {
    const HttpHeadParse parse = ParseHttpHead(c.bytes);
    EXPECT_EQ(parse.state, c.state) << c.bytes.substr(0, 80);
    if (c.state == complete) {
      EXPECT_EQ(parse.head.status, c.status) << c.bytes;
      EXPECT_EQ(parse.head.size, c.bytes.size()) << c.bytes;
    }
  }
}

TEST(HttpAnswerTest, Fields) {
  const HttpHead head = ParseHttpHead(
                            "HTTP/1.1 302 Found\r\nlocation:  /first \r\nLocation: /second\r\n"
                            "CONTENT-TYPE: Text/HTML; charset=x\r\n folded\r\n"
                            "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 12\r\n\r\nbody")
                            .head;
  EXPECT_EQ(head.location, "/first");
  EXPECT_EQ(head.content_type, "text/html; charset=x");
  EXPECT_TRUE(head.chunked);
  EXPECT_EQ(head.content_length, 12u);
}

TEST(HttpAnswerTest, Bodies) {
  struct Case {
    const char* head;
    std::string bytes;
    bool ended;
    HttpParseState state;
    std::string body;
  };
  const auto complete = HttpParseState::kComplete;
  const auto incomplete = HttpParseState::kIncomplete;
  const auto bad = HttpParseState::kBad;
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string big(300, 'x');
  const Case cases[] = {
      {"Content-Length: 5\r\n", "hello more", false, complete, "hello"},
      {"Content-Length: 5\r\n", "hel", false, incomplete, "hel"},
      {"Content-Length: 5\r\n", "hel", true, complete, "hel"},
      {"Content-Length: 0\r\n", "", false, complete, ""},
      {"", "until the end", false, incomplete, "until the end"},
      {"", "until the end", true, complete, "until the end"},
      {"", big, false, complete, big.substr(0, 128)},
      {"Content-Length: 99999999999\r\n", big, false, complete, big.substr(0, 128)},
      {chunked.c_str(), "5\r\nhello\r\n0\r\n\r\n", false, complete, "hello"},
      {chunked.c_str(), "2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\n", false, complete, "hello"},
      {chunked.c_str(), "5\r\nhel", false, incomplete, "hel"},
      {chunked.c_str(), "5\r\nhelloXX", false, incomplete, "hello"},
      {chunked.c_str(), "5\r\nhelloXX\r\n", false, bad, "hello"},
      {chunked.c_str(), "zz\r\n", false, bad, ""},
      {chunked.c_str(), "fffffffff\r\n", false, bad, ""},
      {chunked.c_str(), "ffffffff\r\n" + big, false, complete, big.substr(0, 128)},
      {chunked.c_str(), std::string(300, '1'), false, bad, ""},
  };
  for (const Case& c : cases) {
    const HttpHead head = ParseHttpHead(std::string("HTTP/1.1 200 OK\r\n") + c.head + "\r\n").head;
    const HttpBodyParse parse = ParseHttpBody(head, c.bytes, c.ended, 128);
    EXPECT_EQ(parse.state, c.state) << c.head << c.bytes.substr(0, 40);
    EXPECT_EQ(parse.body, c.body) << c.head << c.bytes.substr(0, 40);
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
