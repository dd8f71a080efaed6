#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/fuzz/replay.h"

namespace norroy::agent {
namespace {

TEST(HttpRequestFuzz, HoldsOverRequestsAndTheirMutations) {
  std::vector<std::string> corpus;
  for (const char* line : {"GET /.well-known/acme-challenge/abc HTTP/1.1", "HEAD / HTTP/1.0",
                           "GET http://a.example:80/x HTTP/1.1", "POST /?q HTTP/1.1"}) {
    for (const char* host : {"Host: www.example.com", "Host: [2001:db8::1]:80", "host:192.0.2.1",
                             "A: b\r\nHost: x.example\r\nC:\xff"}) {
      corpus.push_back(absl::StrCat(line, "\r\n", host, "\r\n\r\n"));
    }
  }
  fuzz::Replay(corpus, 200);
}

}  // namespace
}  // namespace norroy::agent
