#include "agent/presenter/powerdns/api_url.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TEST(ApiUrl, ReadsWhatItTakes) {
  const struct {
    std::string text;
    std::string host;
    int port;
    std::string path;
    std::string authority;
    std::string again;
  } cases[] = {
      {"http://127.0.0.1:8081", "127.0.0.1", 8081, "", "127.0.0.1:8081", "http://127.0.0.1:8081"},
      {"http://127.9.9.9", "127.9.9.9", 80, "", "127.9.9.9", "http://127.9.9.9"},
      {"http://[::1]:8081/", "::1", 8081, "", "[::1]:8081", "http://[::1]:8081"},
      {"https://192.0.2.53", "192.0.2.53", 443, "", "192.0.2.53", "https://192.0.2.53"},
      {"https://[2001:DB8::53]", "2001:db8::53", 443, "", "[2001:db8::53]",
       "https://[2001:db8::53]"},
      {"https://DNS.Example.net:8443/pdns/", "dns.example.net", 8443, "/pdns",
       "dns.example.net:8443", "https://dns.example.net:8443/pdns"},
      {"https://dns.example.net.:443", "dns.example.net", 443, "", "dns.example.net",
       "https://dns.example.net"},
      {"https://localhost", "localhost", 443, "", "localhost", "https://localhost"},
  };
  for (const auto& c : cases) {
    const auto url = ApiUrl::Parse(c.text);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(url->host(), c.host);
    EXPECT_EQ(url->port(), c.port);
    EXPECT_EQ(url->path(), c.path);
    EXPECT_EQ(url->authority(), c.authority);
    EXPECT_EQ(url->text(), c.again);
    EXPECT_EQ(url->tls(), c.text[4] == 's');
    EXPECT_EQ(ApiUrl::Parse(url->text())->text(), url->text());
  }
}

TEST(ApiUrl, SaysWhyItRefuses) {
  const struct {
    std::string text;
    std::string why;
  } cases[] = {
      {"", "must begin with"},
      {"ftp://127.0.0.1", "must begin with"},
      {"HTTP://127.0.0.1", "must begin with"},
      {"http://192.0.2.53:8081", "plain http"},
      {"http://localhost:8081", "plain http"},
      {"http://[2001:db8::53]", "plain http"},
      {"http://0.0.0.0", "plain http"},
      {"https://", "host"},
      {"https://:443", "host"},
      {"https://user:secret@dns.example.net", "port"},
      {"https://user@dns.example.net", "host"},
      {"https://dns.example.net:0", "port"},
      {"https://dns.example.net:65536", "port"},
      {"https://dns.example.net:+443", "port"},
      {"https://dns.example.net:", "port"},
      {"https://[::1", "]"},
      {"https://[127.0.0.1]", "brackets"},
      {"https://[dns.example.net]", "brackets"},
      {"https://2001:db8::1", "port"},
      {"https://dns example.net", "host"},
      {"https://*.example.net", "host"},
      {"https://dns.example.net/?x=y", "path"},
      {"https://dns.example.net/a b", "path"},
      {"https://dns.example.net/a\r\nX-Y: z", "path"},
      {"https://dns.example.net/#f", "path"},
      {"https://dns.example.net/api/v1", "without /api/v1"},
      {"https://dns.example.net/api/v1/", "without /api/v1"},
      {"https://" + std::string(600, 'a'), "512"},
  };
  for (const auto& c : cases) {
    const auto url = ApiUrl::Parse(c.text);
    ASSERT_FALSE(url.ok()) << c.text;
    EXPECT_EQ(url.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(url.status().message(), c.why)) << url.status();
  }
}

}  // namespace
}  // namespace norroy::agent
