#include "agent/presenter/tls_alpn/tls_alpn.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <list>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/presenter/presenter_contract.h"
#include "agent/presenter/raw_client.h"
#include "agent/presenter/tls_alpn/alpn_probe.h"
#include "agent/presenter/tls_alpn/client_hello.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TlsAlpnOptions Loopback() { return {.listen = {"127.0.0.1:0"}}; }

std::unique_ptr<TlsAlpn> StartOrDie(const TlsAlpnOptions& options) {
  auto listener = TlsAlpn::Start(options);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

class ListenerUnderTest final : public PresenterUnderTest {
 public:
  Presenter& presenter() override { return *listener_; }
  std::string Look(const challenge::Proof& proof) override {
    return AskByAlpn(listener_->places()[0], proof);
  }
  bool OneProofPerName() const override { return true; }

 private:
  std::unique_ptr<TlsAlpn> listener_ = StartOrDie(Loopback());
};

std::unique_ptr<PresenterUnderTest> MakeListener() { return std::make_unique<ListenerUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(TlsAlpn, PresenterContract, testing::Values(&MakeListener));

challenge::Proof Proof(const std::string& name, const std::string& token = "token-1") {
  challenge::Proof proof = MakeProof(name, token);
  proof.type = challenge::ChallengeType::kTlsAlpn01;
  return proof;
}

// RawClient speaks of HTTP.
std::string Raw(const std::string& place) { return absl::StrCat("http://", place.substr(6)); }

class TlsAlpnTest : public testing::Test {
 protected:
  // A handshake's end is counted when the listener has seen it, not when the client has.
  void ExpectAnswers(int64_t served, int64_t unknown) {
    for (int i = 0; i < 1000; ++i) {
      const Presenter::Answers answers = listener_->answers();
      if (answers.served == served && answers.unknown == unknown) return;
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_EQ(listener_->answers().served, served);
    EXPECT_EQ(listener_->answers().unknown, unknown);
  }

  std::unique_ptr<TlsAlpn> listener_ = StartOrDie(Loopback());
  const std::string place_ = listener_->places()[0];
  const challenge::Proof proof_ = Proof("www.example.com");
};

TEST_F(TlsAlpnTest, NameTypeAndPlace) {
  EXPECT_EQ(listener_->name(), "tls_alpn");
  EXPECT_EQ(listener_->type(), challenge::ChallengeType::kTlsAlpn01);
  EXPECT_TRUE(absl::StartsWith(place_, "tls://127.0.0.1:"));
  EXPECT_EQ(*listener_->PutUp(proof_, ""), place_);
}

TEST_F(TlsAlpnTest, EachVersion) {
  ASSERT_TRUE(listener_->PutUp(proof_, "").ok());
  for (const int version : {0x0303, 0x0304}) {
    const AlpnSight sight = LookByAlpn({.place = place_,
                                        .server_name = "www.example.com",
                                        .min_version = version,
                                        .max_version = version});
    EXPECT_EQ(JudgeAlpn(sight, proof_), proof_.key_authorization.value());
    EXPECT_EQ(sight.version, version);
    EXPECT_FALSE(sight.resumable);
  }
  ExpectAnswers(2, 0);
}

TEST_F(TlsAlpnTest, RefusesWhatIsNoValidator) {
  ASSERT_TRUE(listener_->PutUp(proof_, "").ok());
  const std::string name = "www.example.com";
  const char* const no_protocol = "tlsv1 alert no application protocol";
  const char* const no_name = "tlsv1 unrecognized name";
  const struct {
    const char* what;
    AlpnQuestion question;
    const char* error;
  } cases[] = {
      {"h2 and acme", {"", name, {"h2", "acme-tls/1"}}, no_protocol},
      {"acme and h2", {"", name, {"acme-tls/1", "h2"}}, no_protocol},
      {"acme twice", {"", name, {"acme-tls/1", "acme-tls/1"}}, no_protocol},
      {"a browser", {"", name, {"h2", "http/1.1"}}, no_protocol},
      {"no ALPN", {"", name, {}}, no_protocol},
      {"upper case", {"", name, {"ACME-TLS/1"}}, no_protocol},
      {"a longer one", {"", name, {"acme-tls/1x"}}, no_protocol},
      {"no SNI", {"", ""}, no_name},
      {"another SNI", {"", "other.example.com"}, no_name},
      {"a name below", {"", "a.www.example.com"}, no_name},
      {"the name above", {"", "example.com"}, no_name},
      {"a dot at the end", {"", "www.example.com."}, no_name},
      {"TLS 1.1", {"", name, {"acme-tls/1"}, 0x0301, 0x0302}, "tlsv1 alert protocol version"},
  };
  for (const auto& c : cases) {
    AlpnQuestion question = c.question;
    question.place = place_;
    const AlpnSight sight = LookByAlpn(question);
    EXPECT_EQ(sight.error, c.error) << c.what;
    EXPECT_EQ(sight.certificate, "") << c.what;
  }
  ExpectAnswers(0, std::size(cases));
  // RFC 6066 3: a name has no case.
  EXPECT_EQ(LookByAlpn({.place = place_, .server_name = "WWW.example.COM"}).error, "");
}

TEST_F(TlsAlpnTest, WhatIsNoTlsIsClosedWithoutAByte) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x80\x2e\x01\x00\x02", 5),
        std::string("\x16\x03\x01\x00\x00", 5), std::string("\x15\x03\x01\x00\x02\x02\x28", 7)}) {
    EXPECT_EQ(Exchange(Raw(place_), bytes), "");
  }
  ExpectAnswers(0, 0);
}

TEST_F(TlsAlpnTest, AnAlertIsAllThatARefusedOneGets) {
  // A ClientHello for a.example, which is not up.
  std::ifstream file("agent/presenter/tls_alpn/client_hello_fuzz_corpus/minimal", std::ios::binary);
  const std::string hello{std::istreambuf_iterator<char>(file), {}};
  ASSERT_EQ(ParseClientHello(hello).hello.server_name, "a.example");
  EXPECT_EQ(Exchange(Raw(place_), hello).size(), 7u);
}

TEST_F(TlsAlpnTest, Addresses) {
  const auto v4 = Proof("192.0.2.7");
  const auto v6 = Proof("2001:db8::7");
  ASSERT_TRUE(listener_->PutUp(v4, "").ok());
  ASSERT_TRUE(listener_->PutUp(v6, "").ok());
  EXPECT_EQ(AskByAlpn(place_, v4), v4.key_authorization.value());
  EXPECT_EQ(AskByAlpn(place_, v6), v6.key_authorization.value());
  // RFC 8738 6: the name below in-addr.arpa or ip6.arpa, never the address itself.
  EXPECT_EQ(LookByAlpn({.place = place_, .server_name = "7.2.0.192.in-addr.arpa"}).error, "");
  EXPECT_NE(LookByAlpn({.place = place_, .server_name = "192.0.2.7"}).error, "");
  EXPECT_NE(LookByAlpn({.place = place_, .server_name = "8.2.0.192.in-addr.arpa"}).error, "");
}

TEST_F(TlsAlpnTest, NoWildcards) {
  const auto put = listener_->PutUp(Proof("*.example.com"), "");
  EXPECT_EQ(put.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(put.status().message(), "*.example.com")) << put.status();
}

TEST_F(TlsAlpnTest, TakenDownIsRefused) {
  ASSERT_TRUE(listener_->PutUp(proof_, "").ok());
  EXPECT_EQ(AskByAlpn(place_, proof_), proof_.key_authorization.value());
  ASSERT_TRUE(listener_->TakeDown(proof_, "").ok());
  EXPECT_EQ(LookByAlpn({.place = place_, .server_name = "www.example.com"}).error,
            "tlsv1 unrecognized name");
}

TEST_F(TlsAlpnTest, ASecondOrderForANameIsToldWhy) {
  ASSERT_TRUE(listener_->PutUp(proof_, "").ok());
  const auto second = listener_->PutUp(Proof("www.example.com", "token-2"), "");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::StrContains(second.status().message(), "www.example.com")) << second.status();
}

TEST(TlsAlpn, HalfAClientHelloAndSilenceAreCut) {
  TlsAlpnOptions options = Loopback();
  options.limits.deadline = absl::Milliseconds(100);
  auto listener = StartOrDie(options);
  RawClient silent(Raw(listener->places()[0]));
  RawClient half(Raw(listener->places()[0]));
  ASSERT_TRUE(half.Send(absl::string_view("\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11)));
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_EQ(half.ReadAll(), "");
}

// For 2,000 connections, both ends in this process.
bool MayOpen(rlim_t files) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  if (limit.rlim_cur >= files) return true;
  limit.rlim_cur = std::min(files, limit.rlim_max);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= files;
}

TEST(TlsAlpn, IdlePeersCannotKeepACaOut) {
  const int peers = MayOpen(5000) ? 2000 : 300;
  if (peers < 2000) std::printf("only %d idle peers: this system lets us open no more\n", peers);
  TlsAlpnOptions options = Loopback();
  options.limits.deadline = absl::Seconds(60);
  if (peers < 2000) options.limits.max_connections = 100;
  auto listener = StartOrDie(options);
  const auto proof = Proof("www.example.com");
  ASSERT_TRUE(listener->PutUp(proof, "").ok());
  std::list<RawClient> idle;
  for (int i = 0; i < peers; ++i) {
    idle.emplace_back(Raw(listener->places()[0]));
    ASSERT_TRUE(idle.back().connected()) << i;
    if (i % 2 == 0) idle.back().Send("\x16\x03\x01");
    if (i % 500 == 499) {
      EXPECT_EQ(AskByAlpn(listener->places()[0], proof), proof.key_authorization.value()) << i;
    }
  }
  EXPECT_EQ(AskByAlpn(listener->places()[0], proof), proof.key_authorization.value());
  EXPECT_EQ(idle.front().ReadAll(), "") << "the oldest goes";
}

TEST(TlsAlpn, ServesWhileTheTableChanges) {
  auto listener = StartOrDie(Loopback());
  const auto stays = Proof("www.example.com");
  ASSERT_TRUE(listener->PutUp(stays, "").ok());
  std::thread changer([&] {
    for (int i = 0; i < 500; ++i) {
      const auto proof = Proof(absl::StrCat("n", i % 7, ".example.com"));
      ASSERT_TRUE(listener->PutUp(proof, "").ok());
      ASSERT_TRUE(listener->TakeDown(proof, "").ok());
    }
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(AskByAlpn(listener->places()[0], stays), stays.key_authorization.value());
    const auto changing = Proof("n3.example.com");
    const std::string seen = AskByAlpn(listener->places()[0], changing);
    EXPECT_TRUE(seen.empty() || seen == changing.key_authorization.value()) << seen;
  }
  changer.join();
}

TEST(TlsAlpn, BothFamiliesAndAUnixSocket) {
  const std::string path = absl::StrCat("/tmp/norroy-alpn-", getpid(), ".sock");
  auto listener =
      TlsAlpn::Start({.listen = {"127.0.0.1:0", "[::1]:0", absl::StrCat("unix:", path)}});
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();
  const auto proof = Proof("2001:db8::7");
  ASSERT_TRUE((*listener)->PutUp(proof, "").ok());
  EXPECT_EQ(AskByAlpn((*listener)->places()[0], proof), proof.key_authorization.value());
  EXPECT_EQ(AskByAlpn((*listener)->places()[1], proof), proof.key_authorization.value());
  EXPECT_EQ((*listener)->places()[2], absl::StrCat("unix:", path));
}

TEST(TlsAlpn, BadConfig) {
  const struct {
    const char* what;
    std::vector<std::string> listen;
    bool ok;
  } cases[] = {
      {"both families", {"0.0.0.0:443", "[::]:443"}, true},
      {"inherited", {"fd:3"}, true},
      {"none", {}, false},
      {"too many", std::vector<std::string>(17, "127.0.0.1:443"), false},
      {"a name", {"localhost:443"}, false},
  };
  for (const auto& c : cases) {
    const absl::Status status = TlsAlpn::Check({.listen = c.listen});
    EXPECT_EQ(status.ok(), c.ok) << c.what << ": " << status;
    if (!c.ok) {
      EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << c.what;
    }
  }
}

// The tool that people will look with.
std::string RunShell(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  pclose(pipe);
  return output;
}

TEST_F(TlsAlpnTest, WhatOpensslShows) {
  ASSERT_TRUE(listener_->PutUp(proof_, "").ok());
  const std::string ask = absl::StrCat("openssl s_client -connect ", place_.substr(6),
                                       " -servername www.example.com </dev/null 2>&1 ");
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string shown = RunShell(absl::StrCat(ask, "-alpn acme-tls/1 ", version));
    EXPECT_TRUE(absl::StrContains(shown, "ALPN protocol: acme-tls/1")) << shown;
    EXPECT_TRUE(absl::StrContains(shown, "Secure Renegotiation IS")) << shown;
    EXPECT_FALSE(absl::StrContains(shown, "TLS session ticket:")) << shown;
    EXPECT_FALSE(absl::StrContains(shown, "Post-Handshake New Session Ticket")) << shown;
  }
  const std::string text =
      RunShell(absl::StrCat(ask, "-alpn acme-tls/1 | openssl x509 -noout -text 2>&1"));
  EXPECT_TRUE(absl::StrContains(text, "DNS:www.example.com\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "1.3.6.1.5.5.7.1.31: critical\n") ||
              absl::StrContains(text, "ACME Identifier: critical\n"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "NIST CURVE: P-256")) << text;
  const std::string old =
      RunShell(absl::StrCat(ask, "-alpn acme-tls/1 -tls1_1 -cipher 'DEFAULT:@SECLEVEL=0'"));
  EXPECT_TRUE(absl::StrContains(old, "alert protocol version")) << old;
}

}  // namespace
}  // namespace norroy::agent
