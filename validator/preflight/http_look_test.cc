#include "validator/preflight/http_look.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "validator/preflight/look_fixture.h"
#include "validator/preflight/test_server.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;

const char kName[] = "www.example.com";

class HttpLookTest : public testing::Test, protected LookFixture {
 protected:
  HttpLookTest() : proof_(TestProof(kName, ChallengeType::kHttp01)) {}

  std::string right() const { return proof_.key_authorization.value(); }
  std::string Right() const { return HttpText("200 OK", right()); }

  Sight LookAt(const std::vector<std::string>& addresses) {
    std::vector<Address> parsed;
    for (const std::string& text : addresses) parsed.push_back(TestAddress(text));
    return HttpLook(viewpoint(), proof_, parsed, Soon());
  }

  const challenge::Proof proof_;
};

TEST_F(HttpLookTest, ARightAnswerAsAsked) {
  TestServer server(TestAddress("127.0.0.1"), 0, Always(HttpText("200 OK", right() + " \r\n")));
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(sight.verdict(), Verdict::kPass) << TextOf(sight);
  EXPECT_EQ(CodesOf(sight), "ADDRESSES");
  EXPECT_EQ(server.connections(), 1 + kFurtherConnections);
  const std::string request = server.requests().front();
  EXPECT_TRUE(
      absl::StartsWith(request, "GET /.well-known/acme-challenge/token-of-the-test HTTP/1.1\r\n"))
      << request;
  EXPECT_TRUE(absl::StrContains(request,
                                absl::StrCat("\r\nHost: www.example.com:", server.port(), "\r\n")));
}

// One server, one answer, one finding.
TEST_F(HttpLookTest, WrongAnswersEachHaveTheirText) {
  struct Case {
    const char* what;
    std::string answer;
    const char* code;
    const char* text;  // a part of message or advice
  };
  const std::string html = "Content-Type: text/html\r\n";
  const Case cases[] = {
      {"another site", HttpText("200 OK", "<html>It works!</html>", html), "WRONG_ANSWER",
       "another virtual host or site answered"},
      {"an older token", HttpText("200 OK", "other." + std::string(43, 'A')), "WRONG_ANSWER",
       "answers 200 with something else"},
      {"empty", HttpText("200 OK", ""), "WRONG_ANSWER", "something else: \"\""},
      {"a footer", HttpText("200 OK", right() + "\n<script>"), "BODY_TOO_LONG", "more after it"},
      {"spaces", HttpText("200 OK", right() + std::string(200, ' ')), "BODY_TOO_LONG", "footer"},
      {"404", HttpText("404 Not Found", "<h1>nginx</h1>", html), "NOT_FOUND",
       "does not get to the agent"},
      {"410", HttpText("410 Gone", ""), "NOT_FOUND", "answers 410"},
      {"our agent's 404", HttpText("404 Not Found", "not found\n", "Content-Type: text/plain\r\n"),
       "AGENT_HAS_NO_ANSWER", "pass the Host header on"},
      {"401", HttpText("401 Unauthorized", ""), "FORBIDDEN", "access rule stands in front"},
      {"403", HttpText("403 Forbidden", "", html), "FORBIDDEN", "answers 403"},
      {"502", HttpText("502 Bad Gateway", ""), "SERVER_ERROR", "answers 502"},
      {"204", HttpText("204 No Content", ""), "WRONG_ANSWER", "answers 204, not 200"},
      {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "NOT_HTTP", "SSH-2.0"},
      {"nothing", "", "NO_ANSWER", "closes the connection"},
      {"half a head", "HTTP/1.1 200 OK\r\nConte", "NO_ANSWER", "closes the connection"},
      {"303", HttpText("303 See Other", "", "Location: /x\r\n"), "REDIRECT_BAD", "status 303"},
      {"no location", HttpText("301 Moved", ""), "REDIRECT_BAD", "no Location"},
      {"ftp", HttpText("301 Moved", "", "Location: ftp://x.example/\r\n"), "REDIRECT_BAD",
       "neither http nor https"},
      {"another port", HttpText("301 Moved", "", "Location: http://www.example.com:8443/\r\n"),
       "REDIRECT_BAD", "port 8443"},
      {"an address", HttpText("301 Moved", "", "Location: http://127.0.0.1/x\r\n"), "REDIRECT_BAD",
       "an address, not a host name"},
      {"no slash",
       HttpText("301 Moved", "", "Location: http://www.example.com.well-known/acme\r\n"),
       "REDIRECT_BAD", "slash"},
      {"itself",
       HttpText("301 Moved", "", "Location: /.well-known/acme-challenge/token-of-the-test\r\n"),
       "REDIRECT_LOOP", "closes a circle"},
      {"a host without address", HttpText("302 Found", "", "Location: http://no.example/\r\n"),
       "NO_ADDRESS", "no address in DNS"},
  };
  std::map<std::string, std::string> codes;  // by advice
  for (const Case& c : cases) {
    TestServer server(TestAddress("127.0.0.1"), 0, Always(c.answer));
    ports_.http = server.port();
    const Sight sight = LookAt({"127.0.0.1"});
    EXPECT_EQ(sight.verdict(), Verdict::kFail) << c.what;
    const Finding finding = sight.findings().front();
    EXPECT_EQ(finding.code, c.code) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(finding.severity, Severity::kError) << c.what;
    EXPECT_TRUE(absl::StrContains(finding.message + finding.advice, c.text))
        << c.what << ": " << TextOf(sight);
    EXPECT_TRUE(absl::StrContains(finding.message, "http://") ||
                absl::StrContains(finding.message, "127.0.0.1"))
        << c.what << ": where? " << finding.message;
    EXPECT_FALSE(finding.advice.empty()) << c.what;
    // What to do follows from the code: no two of them say the same.
    EXPECT_EQ(codes.emplace(finding.advice, finding.code).first->second, finding.code) << c.what;
  }
}

TEST_F(HttpLookTest, RedirectsAreFollowed) {
  dns_.Add(dns::AddressRecord("b.example.com", "127.0.0.2"));
  TestTls tls = {.names = "DNS:whatever.example"};
  const TestServer b(TestAddress("127.0.0.2"), 0, Always(Right()), &tls);
  ports_.tls = b.port();
  TestServer a(TestAddress("127.0.0.1"), 0,
               Always(HttpText("301 Moved", "", "Location: https://b.example.com/x\r\n")));
  ports_.http = a.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(sight.verdict(), Verdict::kPass) << TextOf(sight);
}

TEST_F(HttpLookTest, TenRedirectsAreFineAndElevenAreNot) {
  for (const int redirects : {10, 11}) {
    dns_.Add(dns::AddressRecord(kName, "127.0.0.1"));
    TestServer server(TestAddress("127.0.0.1"), 0, [&](int n, const std::string&) {
      const int at = n % (redirects + 1);
      if (at == redirects) return std::make_unique<std::string>(Right());
      return std::make_unique<std::string>(
          HttpText("302 Found", "", absl::StrCat("Location: /", at, "\r\n")));
    });
    ports_.http = server.port();
    const Sight sight = LookAt({"127.0.0.1"});
    EXPECT_EQ(CodesOf(sight), redirects == 10 ? "ADDRESSES" : "REDIRECT_TOO_MANY ADDRESSES")
        << TextOf(sight);
  }
}

TEST_F(HttpLookTest, ALoginIsNoLoop) {
  dns_.Add(dns::AddressRecord(kName, "127.0.0.1"));
  TestServer server(TestAddress("127.0.0.1"), 0, [&](int, const std::string& request) {
    return std::make_unique<std::string>(
        absl::StartsWith(request, "GET /login")
            ? HttpText("200 OK", "<form>password</form>", "Content-Type: text/html\r\n")
            : HttpText("302 Found", "", "Location: /login?next=x\r\n"));
  });
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(CodesOf(sight), "REDIRECT_LOGIN ADDRESSES") << TextOf(sight);
}

TEST_F(HttpLookTest, ALoopBetweenTwo) {
  dns_.Add(dns::AddressRecord(kName, "127.0.0.1"));
  TestServer server(TestAddress("127.0.0.1"), 0, [&](int, const std::string& request) {
    const bool b = absl::StartsWith(request, "GET /b ");
    return std::make_unique<std::string>(
        HttpText("301 Moved", "", absl::StrCat("Location: ", b ? "/a" : "/b", "\r\n")));
  });
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(CodesOf(sight), "REDIRECT_LOOP ADDRESSES") << TextOf(sight);
}

TEST_F(HttpLookTest, ARedirectToInsideIsNotFollowed) {
  dns_.Add(dns::AddressRecord("inside.example.com", "169.254.169.254"));
  TestServer server(TestAddress("127.0.0.1"), 0,
                    Always(HttpText("302 Found", "", "Location: http://inside.example.com/\r\n")));
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
  EXPECT_EQ(CodesOf(sight), "ADDRESS_FORBIDDEN ADDRESSES") << TextOf(sight);
  EXPECT_TRUE(absl::StrContains(TextOf(sight), "dns.allow_networks"));
}

TEST_F(HttpLookTest, ClosedFilteredForbiddenAndNone) {
  const ClosedPort closed(TestAddress("127.0.0.1"));
  ports_.http = closed.port();
  const ClosedPort filtered(TestAddress("127.0.0.2"), closed.port(), true);
  Sight sight = LookAt({"127.0.0.1", "127.0.0.2", "10.0.0.1"});
  EXPECT_EQ(CodesOf(sight), "PORT_CLOSED PORT_FILTERED ADDRESS_FORBIDDEN ADDRESSES")
      << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kFail);
  sight = LookAt({"10.0.0.1"});
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
  sight = LookAt({});
  EXPECT_EQ(CodesOf(sight), "NO_ADDRESS");
  EXPECT_EQ(sight.verdict(), Verdict::kFail);
}

TEST_F(HttpLookTest, BothFamilies) {
  struct Case {
    const char* what;
    std::optional<std::string> v6;  // nothing: closed
    std::optional<std::string> v4;
    const char* codes;
    Verdict verdict;
  };
  const std::string wrong = HttpText("404 Not Found", "");
  const Case cases[] = {
      {"both right", Right(), Right(), "ADDRESSES", Verdict::kPass},
      {"v6 closed", std::nullopt, Right(), "IPV6_FAILS ADDRESSES", Verdict::kPass},
      {"v6 wrong", wrong, Right(), "IPV6_FAILS ADDRESSES", Verdict::kFail},
      {"v4 closed", Right(), std::nullopt, "PORT_CLOSED ADDRESSES", Verdict::kPass},
      {"both wrong", wrong, wrong, "NOT_FOUND NOT_FOUND ADDRESSES", Verdict::kFail},
      {"both closed", std::nullopt, std::nullopt, "PORT_CLOSED PORT_CLOSED ADDRESSES",
       Verdict::kFail},
  };
  for (const Case& c : cases) {
    std::vector<std::unique_ptr<TestServer>> servers;
    std::vector<std::unique_ptr<ClosedPort>> closed;
    ports_.http = 0;
    for (const auto& [address, answer] : {std::pair("::1", c.v6), std::pair("127.0.0.1", c.v4)}) {
      if (answer.has_value()) {
        servers.push_back(
            std::make_unique<TestServer>(TestAddress(address), ports_.http, Always(*answer)));
        ports_.http = servers.back()->port();
      } else {
        closed.push_back(std::make_unique<ClosedPort>(TestAddress(address), ports_.http));
        ports_.http = closed.back()->port();
      }
    }
    const Sight sight = LookAt({"::1", "127.0.0.1"});
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << c.what;
  }
}

TEST_F(HttpLookTest, SomeBackendsFail) {
  TestServer server(TestAddress("127.0.0.1"), 0, [this](int n, const std::string&) {
    return std::make_unique<std::string>(n % 2 == 0 ? Right() : HttpText("404 Not Found", ""));
  });
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_EQ(CodesOf(sight), "SOME_BACKENDS_FAIL ADDRESSES") << TextOf(sight);
  EXPECT_TRUE(absl::StrContains(TextOf(sight), "2 of 5 connections")) << TextOf(sight);
}

// What had all of its time says something about the server; what the look's end cut short does not.
TEST_F(HttpLookTest, ASilentServerDoesNotHold) {
  TestServer silent(TestAddress("127.0.0.1"), 0, Silent());
  const ClosedPort filtered(TestAddress("127.0.0.2"), silent.port(), true);
  ports_.http = silent.port();
  dns_.Add(dns::AddressRecord("slow.example.com", "127.0.0.1"));
  TestServer redirects(TestAddress("127.0.0.3"), silent.port(),
                       Always(HttpText("302 Found", "", "Location: http://slow.example.com/\r\n")));
  struct Case {
    const char* address;
    absl::Duration time;
    const char* codes;
    Verdict verdict;
    const char* text;
  };
  const Case cases[] = {
      {"127.0.0.1", absl::Seconds(12), "NO_ANSWER ADDRESSES", Verdict::kFail, "within 5s"},
      {"127.0.0.1", absl::Seconds(4), "LOOK_TIMED_OUT ADDRESSES", Verdict::kUnknown,
       "before the answer of http://www.example.com/.well-known/"},
      {"127.0.0.1", absl::ZeroDuration(), "LOOK_TIMED_OUT ADDRESSES", Verdict::kUnknown,
       "127.0.0.1:"},
      {"127.0.0.2", absl::Seconds(4), "PORT_FILTERED ADDRESSES", Verdict::kFail, "within 3s"},
      {"127.0.0.2", absl::Seconds(2), "LOOK_TIMED_OUT ADDRESSES", Verdict::kUnknown,
       "an address of www.example.com, took a connection"},
      {"127.0.0.3", absl::Seconds(4), "LOOK_TIMED_OUT ADDRESSES", Verdict::kUnknown,
       "(redirect 1) was there"},
  };
  for (const Case& c : cases) {
    FastClock clock;
    const Sight sight =
        HttpLook(viewpoint(), proof_, {TestAddress(c.address)}, Deadline(clock, c.time));
    EXPECT_EQ(CodesOf(sight), c.codes) << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << c.address << " " << c.time;
    EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << TextOf(sight);
  }
}

TEST_F(HttpLookTest, StoppingEndsALook) {
  TestServer server(TestAddress("127.0.0.1"), 0, Silent());
  ports_.http = server.port();
  SystemClock clock;
  std::atomic<bool> stop = true;
  const Sight sight = HttpLook(viewpoint(), proof_, {TestAddress("127.0.0.1")},
                               Deadline(clock, absl::Hours(1), &stop));
  EXPECT_EQ(CodesOf(sight), "LOOK_TIMED_OUT ADDRESSES") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
}

TEST_F(HttpLookTest, NotMuchOfWhatServersSayIsToldOn) {
  const std::string secret = std::string(60, 'x') + "SECRET" + std::string(5000, 'y') + "\x01";
  TestServer server(TestAddress("127.0.0.1"), 0, Always(HttpText("200 OK", secret)));
  ports_.http = server.port();
  const Sight sight = LookAt({"127.0.0.1"});
  EXPECT_FALSE(absl::StrContains(TextOf(sight), "SECRET")) << TextOf(sight);
}

TEST_F(HttpLookTest, AnAddressAsName) {
  const challenge::Proof proof = TestProof("2001:db8::1", ChallengeType::kHttp01);
  TestServer server(TestAddress("::1"), 0,
                    Always(HttpText("200 OK", proof.key_authorization.value())));
  ports_.http = server.port();
  const Sight sight = HttpLook(viewpoint(), proof, {TestAddress("::1")}, Soon());
  EXPECT_EQ(sight.verdict(), Verdict::kPass) << TextOf(sight);
  EXPECT_TRUE(absl::StrContains(server.requests().front(), "\r\nHost: [2001:db8::1]:"));
}

// RFC 8738 4: the address itself is the host of its URLs; another address is no host of a redirect.
TEST_F(HttpLookTest, RedirectsOfAnAddress) {
  struct Case {
    const char* location;
    const char* codes;
  };
  const Case cases[] = {
      {"/x", "ADDRESSES"},
      {"http://127.0.0.1/x", "ADDRESSES"},
      {"https://127.0.0.1/x", "ADDRESSES"},
      {"http://127.0.0.2/x", "REDIRECT_BAD ADDRESSES"},
      {"http://[::1]/x", "REDIRECT_BAD ADDRESSES"},
      {"http://127.0.0.1:8443/x", "REDIRECT_BAD ADDRESSES"},
  };
  const challenge::Proof proof = TestProof("127.0.0.1", ChallengeType::kHttp01);
  TestTls tls = {.names = "DNS:whatever.example"};
  const std::string right = HttpText("200 OK", proof.key_authorization.value());
  const TestServer https(TestAddress("127.0.0.1"), 0, Always(right), &tls);
  ports_.tls = https.port();
  for (const Case& c : cases) {
    TestServer server(TestAddress("127.0.0.1"), 0, [&](int, const std::string& request) {
      return std::make_unique<std::string>(
          absl::StartsWith(request, "GET /x ")
              ? right
              : HttpText("302 Found", "", absl::StrCat("Location: ", c.location, "\r\n")));
    });
    ports_.http = server.port();
    const Sight sight = HttpLook(viewpoint(), proof, {TestAddress("127.0.0.1")}, Soon());
    EXPECT_EQ(CodesOf(sight), c.codes) << c.location << ": " << TextOf(sight);
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
