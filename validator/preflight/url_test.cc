#include "validator/preflight/url.h"

#include <gtest/gtest.h>

namespace norroy::validator::preflight {
namespace {

TEST(UrlTest, WhereLocationsLead) {
  const Url base = {.host = "www.example.com", .path = "/.well-known/acme-challenge/t?q=1"};
  struct Case {
    std::string location;
    const char* to;  // or a part of the error, if it has no "://"
  };
  const Case cases[] = {
      {"https://other.example/x", "https://other.example/x"},
      {"HTTPS://Other.Example", "https://other.example/"},
      {"http://other.example:8080/x#part", "http://other.example:8080/x"},
      {"http://other.example:/x", "http://other.example/x"},
      {"http://other.example?x=1", "http://other.example/?x=1"},
      {"https://[2001:DB8::1]:444/", "https://[2001:db8::1]:444/"},
      {"//other.example/y", "http://other.example/y"},
      {"/login", "http://www.example.com/login"},
      {"/login?next=/.well-known/x", "http://www.example.com/login?next=/.well-known/x"},
      {"other", "http://www.example.com/.well-known/acme-challenge/other"},
      {"other:1", "its scheme is neither"},
      {"./other", "http://www.example.com/.well-known/acme-challenge/other"},
      {"../x/./y", "http://www.example.com/.well-known/x/y"},
      {"../../../../x", "http://www.example.com/x"},
      {"..", "http://www.example.com/.well-known/"},
      {"?z", "http://www.example.com/.well-known/acme-challenge/t?z"},
      {"#frag", "http://www.example.com/.well-known/acme-challenge/t?q=1"},
      {"", "no Location"},
      {"   ", "no Location"},
      {"ftp://other.example/", "neither http nor https"},
      {"javascript:alert(1)", "neither http nor https"},
      {"https:other", "no host"},
      {"http:///x", "no host name"},
      {"http://user:pw@other.example/", "user information"},
      {"http://other.example:0/", "no port"},
      {"http://other.example:65536/", "no port"},
      {"http://other.example:+80/", "no port"},
      {"http://[::1/", "brackets"},
      {"http://[1.2.3.4]/", "brackets"},
      {"http://ot her/", "spaces"},
      {"http://other.example/\x01", "controls"},
      {"http://\xc3\xbc.example/", "non-ASCII"},
      {"http://a_b.example/", "http://a_b.example/"},
      {"http://" + std::string(254, 'a') + "/", "no host name"},
      {"/" + std::string(1999, 'p'), "http://www.example.com/ppp"},
      {"/" + std::string(2000, 'p'), "longer than 2000"},
      {"/" + std::string(5000, 'p'), "too long"},
  };
  for (const Case& c : cases) {
    const auto url = ResolveLocation(base, c.location);
    const bool ok = std::string(c.to).find("://") != std::string::npos;
    ASSERT_EQ(url.ok(), ok) << c.location;
    const std::string got = ok ? url->text() : std::string(url.status().message());
    EXPECT_NE(got.find(c.to), std::string::npos) << c.location << ": " << got;
    if (ok && c.location.size() < 100) {
      EXPECT_EQ(got, c.to);
    }
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
