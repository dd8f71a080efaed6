#include "validator/preflight/alpn_look.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "validator/preflight/look_fixture.h"
#include "validator/preflight/test_server.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;

class AlpnLookTest : public testing::Test, protected LookFixture {
 protected:
  Sight LookAt(const challenge::Proof& proof, const TestTls& tls, const std::string& at) {
    const TestServer server(TestAddress(at), 0, Silent(), &tls);
    ports_.tls = server.port();
    return AlpnLook(viewpoint(), proof, {TestAddress(at)}, Soon());
  }
};

std::string Digest(const challenge::Proof& proof) {
  return absl::StrCat(std::string("\x04\x20"), proof.alpn_digest());
}

TEST_F(AlpnLookTest, Certificates) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kTlsAlpn01);
  const std::string right = Digest(proof);
  const std::vector<std::string> acme = {"acme-tls/1"};
  struct Case {
    const char* what;
    TestTls tls;
    const char* codes;
    const char* text;
  };
  const Case cases[] = {
      {"right", {"DNS:www.example.com", right, true, acme}, "ADDRESSES", ""},
      {"case", {"DNS:WWW.example.com", right, true, acme}, "ADDRESSES", ""},
      {"knows another protocol",
       {"DNS:www.example.com", right, true, {"h2"}},
       "ALPN_REFUSED ADDRESSES",
       "without choosing"},
      {"refuses",
       {"DNS:www.example.com", right, true, {"h2"}, true},
       "ALPN_REFUSED ADDRESSES",
       "no_application_protocol"},
      {"no extension",
       {"DNS:www.example.com", "", true, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "no acmeIdentifier"},
      {"not critical",
       {"DNS:www.example.com", right, false, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "not critical"},
      {"another digest",
       {"DNS:www.example.com", std::string("\x04\x20") + std::string(32, 'x'), true, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "another key authorization"},
      {"another name",
       {"DNS:example.com", right, true, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "another name"},
      {"two names",
       {"DNS:www.example.com,DNS:example.com", right, true, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "exactly one name"},
      {"another kind",
       {"DNS:www.example.com,email:a@example.com", right, true, acme},
       "ALPN_WRONG_CERTIFICATE ADDRESSES",
       "exactly one name"},
      {"no name", {"", right, true, acme}, "ALPN_WRONG_CERTIFICATE ADDRESSES", "exactly one name"},
  };
  for (const Case& c : cases) {
    const Sight sight = LookAt(proof, c.tls, "127.0.0.1");
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << c.what << ": " << TextOf(sight);
  }
}

TEST_F(AlpnLookTest, AnAddress) {
  const challenge::Proof proof = TestProof("192.0.2.7", ChallengeType::kTlsAlpn01);
  const TestTls right = {"IP:192.0.2.7", Digest(proof), true, {"acme-tls/1"}};
  EXPECT_EQ(CodesOf(LookAt(proof, right, "127.0.0.1")), "ADDRESSES");
  const TestTls wrong = {"IP:192.0.2.8", Digest(proof), true, {"acme-tls/1"}};
  EXPECT_EQ(CodesOf(LookAt(proof, wrong, "127.0.0.1")), "ALPN_WRONG_CERTIFICATE ADDRESSES");
}

TEST_F(AlpnLookTest, WhatIsNoTls) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kTlsAlpn01);
  struct Case {
    TestServer::Handler handler;
    const char* codes;
    absl::Duration time = absl::Hours(1);
  };
  const Case cases[] = {
      {Always("HTTP/1.1 400 Bad Request\r\n\r\n"), "NOT_TLS ADDRESSES"},
      {Always(""), "TLS_FAILS ADDRESSES"},
      {Always(std::string("\x15\x03\x01\x00\x02\x02\x46", 7)), "ALPN_REFUSED ADDRESSES"},
      {Silent(), "TLS_FAILS ADDRESSES"},
      {Silent(), "LOOK_TIMED_OUT ADDRESSES", absl::Seconds(4)},
  };
  for (const Case& c : cases) {
    const TestServer server(TestAddress("127.0.0.1"), 0, c.handler);
    ports_.tls = server.port();
    FastClock clock;
    const Deadline soon(clock, c.time);
    const Sight sight = AlpnLook(viewpoint(), proof, {TestAddress("127.0.0.1")}, soon);
    EXPECT_EQ(CodesOf(sight), c.codes) << TextOf(sight);
  }
}

TEST_F(AlpnLookTest, PortsAndFamilies) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kTlsAlpn01);
  const TestTls right = {"DNS:www.example.com", Digest(proof), true, {"acme-tls/1"}};
  const TestServer server(TestAddress("127.0.0.1"), 0, Silent(), &right);
  ports_.tls = server.port();
  const ClosedPort closed(TestAddress("::1"), server.port());
  const std::vector<Address> both = {TestAddress("::1"), TestAddress("127.0.0.1")};
  EXPECT_EQ(CodesOf(AlpnLook(viewpoint(), proof, both, Soon())), "IPV6_FAILS ADDRESSES");
  EXPECT_EQ(CodesOf(AlpnLook(viewpoint(), proof, {TestAddress("::1")}, Soon())),
            "PORT_CLOSED ADDRESSES");
}

}  // namespace
}  // namespace norroy::validator::preflight
