#include "agent/presenter/http/http_request.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr char kGetLine[] = "GET /.well-known/acme-challenge/abc HTTP/1.1\r\n";

struct Case {
  const char* what;
  std::string bytes;
  HttpParseState state;
  HttpMethod method = HttpMethod::kGet;
  std::string path = "";
  std::string host = "";
};

TEST(HttpRequest, Table) {
  const std::string path = "/.well-known/acme-challenge/abc";
  const std::string host = "Host: www.example.com\r\n";
  const auto bad = HttpParseState::kBad;
  const auto complete = HttpParseState::kComplete;
  const auto incomplete = HttpParseState::kIncomplete;
  const std::vector<Case> cases = {
      {"plain", absl::StrCat(kGetLine, host, "\r\n"), complete, HttpMethod::kGet, path,
       "www.example.com"},
      {"upper case and port", absl::StrCat(kGetLine, "HOST:  WWW.Example.COM:80 \r\n\r\n"),
       complete, HttpMethod::kGet, path, "www.example.com"},
      {"HEAD", "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n", complete, HttpMethod::kHead, "/",
       "a.example"},
      {"POST", "POST / HTTP/1.1\r\nHost: a.example\r\n\r\n", complete, HttpMethod::kOther, "/",
       "a.example"},
      {"lower-case method is another method", "get / HTTP/1.1\r\nHost: a.example\r\n\r\n", complete,
       HttpMethod::kOther, "/", "a.example"},
      {"one empty line first", absl::StrCat("\r\n", kGetLine, host, "\r\n"), complete,
       HttpMethod::kGet, path, "www.example.com"},
      {"bytes after the head", absl::StrCat(kGetLine, host, "\r\nGET / HTTP"), complete,
       HttpMethod::kGet, path, "www.example.com"},
      {"IPv6 host", absl::StrCat(kGetLine, "Host: [2001:DB8:0::1]:80\r\n\r\n"), complete,
       HttpMethod::kGet, path, "2001:db8::1"},
      {"IPv4 host", absl::StrCat(kGetLine, "Host: 192.0.2.1\r\n\r\n"), complete, HttpMethod::kGet,
       path, "192.0.2.1"},
      {"absolute form", "GET http://Other.example:80/x HTTP/1.1\r\nHost: a.example\r\n\r\n",
       complete, HttpMethod::kGet, "/x", "other.example"},
      {"absolute form without path", "GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
       complete, HttpMethod::kGet, "", "a.example"},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", complete, HttpMethod::kGet, "/", ""},
      {"query stays", "GET /x?y HTTP/1.1\r\nHost: a.example\r\n\r\n", complete, HttpMethod::kGet,
       "/x?y", "a.example"},
      {"nothing is decoded", "GET /%2e%2e/<script> HTTP/1.1\r\nHost: a.example\r\n\r\n", complete,
       HttpMethod::kGet, "/%2e%2e/<script>", "a.example"},
      {"other fields", absl::StrCat(kGetLine, "Accept: */*\r\n", host, "X-A:\xc3\xa4\r\n\r\n"),
       complete, HttpMethod::kGet, path, "www.example.com"},

      {"empty", "", incomplete},
      {"half", "GET /.well-kn", incomplete},
      {"head without its end", absl::StrCat(kGetLine, host), incomplete},
      {"one byte short", absl::StrCat(kGetLine, host, "\r"), incomplete},

      {"no Host", absl::StrCat(kGetLine, "\r\n"), bad},
      {"two Hosts", absl::StrCat(kGetLine, host, host, "\r\n"), bad},
      {"empty Host", absl::StrCat(kGetLine, "Host:\r\n\r\n"), bad},
      {"Host with a path", absl::StrCat(kGetLine, "Host: a.example/x\r\n\r\n"), bad},
      {"Host with user", absl::StrCat(kGetLine, "Host: a@b.example\r\n\r\n"), bad},
      {"Host with a bad port", absl::StrCat(kGetLine, "Host: a.example:8x\r\n\r\n"), bad},
      {"Host with two values", absl::StrCat(kGetLine, "Host: a.example,b.example\r\n\r\n"), bad},
      {"open bracket", absl::StrCat(kGetLine, "Host: [::1\r\n\r\n"), bad},
      {"no address in brackets", absl::StrCat(kGetLine, "Host: [a.example]\r\n\r\n"), bad},
      {"blank before the colon", absl::StrCat(kGetLine, "Host : a.example\r\n\r\n"), bad},
      {"folded line", absl::StrCat(kGetLine, host, " more\r\n\r\n"), bad},
      {"line without colon", absl::StrCat(kGetLine, host, "nonsense\r\n\r\n"), bad},
      {"bare LF inside", absl::StrCat(kGetLine, "A: b\nHost: a.example\r\n\r\n"), bad},
      {"NUL", absl::StrCat(kGetLine, host, std::string("A: \0b", 5), "\r\n\r\n"), bad},
      {"no version", "GET /\r\nHost: a.example\r\n\r\n", bad},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n", bad},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n", bad},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a.example\r\n\r\n", bad},
      {"no method", " / HTTP/1.1\r\nHost: a.example\r\n\r\n", bad},
      {"control character in the path", "GET /\x01 HTTP/1.1\r\nHost: a.example\r\n\r\n", bad},
      {"two empty lines first", absl::StrCat("\r\n\r\n", kGetLine, host, "\r\n"), bad},
  };
  for (const Case& c : cases) {
    const HttpParse parse = ParseHttpRequest(c.bytes);
    EXPECT_EQ(parse.state, c.state) << c.what;
    if (parse.state != complete || c.state != complete) continue;
    EXPECT_EQ(parse.request.method, c.method) << c.what;
    EXPECT_EQ(parse.request.path, c.path) << c.what;
    EXPECT_EQ(parse.request.host, c.host) << c.what;
  }
}

// A request of exactly `size` bytes.
std::string RequestOf(size_t size) {
  const std::string start = absl::StrCat(kGetLine, "Host: a.example\r\nX: ");
  return absl::StrCat(start, std::string(size - start.size() - 4, 'x'), "\r\n\r\n");
}

TEST(HttpRequest, CapIsExact) {
  EXPECT_EQ(ParseHttpRequest(RequestOf(kMaxHttpRequest - 1)).state, HttpParseState::kComplete);
  EXPECT_EQ(ParseHttpRequest(RequestOf(kMaxHttpRequest)).state, HttpParseState::kComplete);
  EXPECT_EQ(ParseHttpRequest(RequestOf(kMaxHttpRequest + 1)).state, HttpParseState::kBad);
  EXPECT_EQ(ParseHttpRequest(std::string(kMaxHttpRequest - 1, 'G')).state,
            HttpParseState::kIncomplete);
  EXPECT_EQ(ParseHttpRequest(std::string(kMaxHttpRequest, 'G')).state, HttpParseState::kBad);
}

TEST(HttpRequest, EveryPrefixIsIncomplete) {
  const std::string whole = absl::StrCat(kGetLine, "Host: a.example\r\nAccept: */*\r\n\r\n");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ParseHttpRequest(whole.substr(0, size)).state, HttpParseState::kIncomplete) << size;
  }
}

}  // namespace
}  // namespace norroy::agent
