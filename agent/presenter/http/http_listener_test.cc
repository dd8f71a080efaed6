#include "agent/presenter/http/http_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <list>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/presenter_contract.h"
#include "agent/presenter/raw_client.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

HttpListenerOptions Loopback() {
  HttpListenerOptions options;
  options.listen = {"127.0.0.1:0"};
  return options;
}

std::unique_ptr<HttpListener> StartOrDie(const HttpListenerOptions& options) {
  auto listener = HttpListener::Start(options);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

class ListenerUnderTest final : public PresenterUnderTest {
 public:
  Presenter& presenter() override { return *listener_; }
  std::string Look(const challenge::Proof& proof) override {
    return BodyOf(Get(listener_->places()[0], proof.name.identifier().value(), proof.http_path()));
  }

 private:
  std::unique_ptr<HttpListener> listener_ = StartOrDie(Loopback());
};

std::unique_ptr<PresenterUnderTest> MakeListener() { return std::make_unique<ListenerUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(HttpListener, PresenterContract, testing::Values(&MakeListener));

constexpr char kPath[] = "/.well-known/acme-challenge/token-1";

TEST(HttpListener, AnswersExactlyAsItShould) {
  auto listener = StartOrDie(Loopback());
  const auto proof = MakeProof("www.example.com", "token-1");
  ASSERT_TRUE(listener->PutUp(proof, "").ok());
  EXPECT_EQ(Get(listener->places()[0], "www.example.com", kPath),
            absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                         "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                         "Content-Length: ",
                         proof.key_authorization.value().size(), "\r\nConnection: close\r\n\r\n",
                         proof.key_authorization.value()));
}

TEST(HttpListener, EverythingElseIs404WithAFixedBody) {
  auto listener = StartOrDie(Loopback());
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  const struct {
    const char* what;
    const char* host;
    const char* path;
  } cases[] = {
      {"another host", "other.example.com", kPath},
      {"a name below", "a.www.example.com", kPath},
      {"trailing dot", "www.example.com.", kPath},
      {"another token", "www.example.com", "/.well-known/acme-challenge/token-2"},
      {"prefix of the token", "www.example.com", "/.well-known/acme-challenge/token-"},
      {"no token", "www.example.com", "/.well-known/acme-challenge/"},
      {"slash after", "www.example.com", "/.well-known/acme-challenge/token-1/"},
      {"query", "www.example.com", "/.well-known/acme-challenge/token-1?x"},
      {"double slash", "www.example.com", "//.well-known/acme-challenge/token-1"},
      {"dots", "www.example.com", "/.well-known/acme-challenge/../acme-challenge/token-1"},
      {"encoded", "www.example.com", "/.well-known/acme-challenge/token%2d1"},
      {"upper case", "www.example.com", "/.well-known/acme-challenge/TOKEN-1"},
      {"script", "www.example.com", "/<script>alert(1)</script>"},
      {"root", "www.example.com", "/"},
  };
  for (const auto& c : cases) {
    const std::string response = Get(listener->places()[0], c.host, c.path);
    EXPECT_TRUE(absl::StartsWith(response, "HTTP/1.1 404 Not Found\r\n")) << c.what;
    EXPECT_TRUE(absl::EndsWith(response, "\r\n\r\nnot found\n")) << c.what;
    EXPECT_FALSE(absl::StrContains(response, "script")) << c.what;
  }
}

TEST(HttpListener, MethodsAndBadRequests) {
  auto listener = StartOrDie(Loopback());
  const auto proof = MakeProof("www.example.com", "token-1");
  ASSERT_TRUE(listener->PutUp(proof, "").ok());
  const std::string& place = listener->places()[0];
  const std::string rest = absl::StrCat(" ", kPath, " HTTP/1.1\r\nHost: www.example.com\r\n\r\n");

  const std::string head = Exchange(place, absl::StrCat("HEAD", rest));
  EXPECT_TRUE(absl::StartsWith(head, "HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(absl::EndsWith(head, "\r\n\r\n"));
  for (const char* method : {"POST", "PUT", "OPTIONS", "get"}) {
    EXPECT_TRUE(absl::StartsWith(Exchange(place, absl::StrCat(method, rest)), "HTTP/1.1 404 "))
        << method;
  }
  for (const std::string& bytes : {std::string("nonsense\r\n\r\n"), std::string(2050, 'x'),
                                   absl::StrCat("GET ", kPath, " HTTP/1.1\r\n\r\n")}) {
    EXPECT_TRUE(absl::StartsWith(Exchange(place, bytes), "HTTP/1.1 400 Bad Request\r\n"));
  }
  // More than anybody reads comes before the answer: it still arrives.
  const std::string flood = absl::StrCat("GET", rest, std::string(30000, 'x'));
  EXPECT_EQ(BodyOf(Exchange(place, flood)), proof.key_authorization.value());
}

TEST(HttpListener, CountsItsAnswers) {
  auto listener = StartOrDie(Loopback());
  const std::string& place = listener->places()[0];
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  EXPECT_EQ(listener->answers().served + listener->answers().unknown, 0);
  Get(place, "www.example.com", kPath);
  Get(place, "www.example.com", kPath);
  Get(place, "other.example.com", kPath);
  Exchange(place, "nonsense\r\n\r\n");
  EXPECT_EQ(listener->answers().served, 2);
  EXPECT_EQ(listener->answers().unknown, 1);
}

TEST(HttpListener, Addresses) {
  auto listener = StartOrDie(Loopback());
  ASSERT_TRUE(listener->PutUp(MakeProof("192.0.2.7", "token-4"), "").ok());
  ASSERT_TRUE(listener->PutUp(MakeProof("2001:db8::7", "token-6"), "").ok());
  const std::string& place = listener->places()[0];
  EXPECT_NE(BodyOf(Get(place, "192.0.2.7:80", "/.well-known/acme-challenge/token-4")), "");
  EXPECT_NE(BodyOf(Get(place, "[2001:DB8:0:0::7]", "/.well-known/acme-challenge/token-6")), "");
  EXPECT_EQ(BodyOf(Get(place, "[2001:db8::8]", "/.well-known/acme-challenge/token-6")), "");
}

TEST(HttpListener, AcceptHostsAndMatchToken) {
  HttpListenerOptions options = Loopback();
  options.accept_hosts = {"Health.example.NET"};
  auto listener = StartOrDie(options);
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  EXPECT_NE(BodyOf(Get(listener->places()[0], "health.example.net", kPath)), "");
  EXPECT_EQ(BodyOf(Get(listener->places()[0], "other.example.net", kPath)), "");

  options.match_token = true;
  listener = StartOrDie(options);
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  EXPECT_NE(BodyOf(Get(listener->places()[0], "other.example.net", kPath)), "");
}

TEST(HttpListener, BadConfig) {
  const struct {
    const char* what;
    std::vector<std::string> listen;
    bool match_token;
    std::vector<std::string> accept_hosts;
    bool ok;
  } cases[] = {
      {"both families", {"0.0.0.0:80", "[::]:80"}, false, {}, true},
      {"token on loopback", {"127.0.0.1:80", "[::1]:80", "unix:/run/x"}, true, {}, true},
      {"no address", {}, false, {}, false},
      {"too many", std::vector<std::string>(17, "127.0.0.1:80"), false, {}, false},
      {"a name", {"localhost:80"}, false, {}, false},
      {"no port", {"127.0.0.1"}, false, {}, false},
      {"no host", {":80"}, false, {}, false},
      {"port over 65535", {"127.0.0.1:65536"}, false, {}, false},
      {"signed port", {"127.0.0.1:+80"}, false, {}, false},
      {"IPv6 without brackets", {"::1:80"}, false, {}, false},
      {"relative socket", {"unix:x.sock"}, false, {}, false},
      {"long socket", {"unix:/" + std::string(107, 'x')}, false, {}, false},
      {"standard input", {"fd:0"}, false, {}, false},
      {"token on every address", {"0.0.0.0:80"}, true, {}, false},
      {"token on one public address", {"127.0.0.1:80", "192.0.2.1:80"}, true, {}, false},
      {"token on IPv6", {"[::]:80"}, true, {}, false},
      {"bad accept host", {"127.0.0.1:80"}, false, {"a/b"}, false},
      {"empty accept host", {"127.0.0.1:80"}, false, {""}, false},
  };
  for (const auto& c : cases) {
    HttpListenerOptions options;
    options.listen = c.listen;
    options.match_token = c.match_token;
    options.accept_hosts = c.accept_hosts;
    const absl::Status status = HttpListener::Check(options);
    EXPECT_EQ(status.ok(), c.ok) << c.what << ": " << status;
    if (!c.ok) {
      EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << c.what;
    }
  }
}

TEST(HttpListener, AnAddressInUseIsNamed) {
  auto listener = StartOrDie(Loopback());
  HttpListenerOptions options;
  options.listen = {listener->places()[0].substr(7)};
  const auto second = HttpListener::Start(options);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(absl::StrContains(second.status().message(), options.listen[0]));
  EXPECT_TRUE(absl::StrContains(second.status().message(), "Address already in use"));
}

TEST(HttpListener, UnixSocketComesAndGoes) {
  const std::string path = absl::StrCat("/tmp/norroy-test-", getpid(), ".sock");
  HttpListenerOptions options;
  options.listen = {absl::StrCat("unix:", path)};
  options.match_token = true;
  {
    auto listener = StartOrDie(options);
    ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
    EXPECT_NE(BodyOf(Get(listener->places()[0], "anything.example", kPath)), "");
    EXPECT_FALSE(HttpListener::Start(options).ok()) << "two on one socket";
  }
  struct stat info;
  EXPECT_NE(stat(path.c_str(), &info), 0) << "left behind";
}

TEST(HttpListener, AStaleUnixSocketIsReplacedAndAFileIsNot) {
  const std::string path = absl::StrCat("/tmp/norroy-stale-", getpid(), ".sock");
  HttpListenerOptions options;
  options.listen = {absl::StrCat("unix:", path)};
  // Bound and closed without unlink, as a killed process leaves it.
  close(ListenAddress::Parse(options.listen[0])->Bind()->fd);
  EXPECT_TRUE(HttpListener::Start(options).ok());
  std::ofstream(path) << "precious";
  EXPECT_FALSE(HttpListener::Start(options).ok());
  struct stat info;
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  unlink(path.c_str());
}

TEST(HttpListener, AnInheritedSocketServes) {
  auto bound = ListenAddress::Parse("127.0.0.1:0")->Bind();
  ASSERT_TRUE(bound.ok());
  HttpListenerOptions options;
  options.listen = {absl::StrCat("fd:", bound->fd)};
  auto listener = StartOrDie(options);
  EXPECT_EQ(listener->places()[0], bound->place);
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  EXPECT_NE(BodyOf(Get(bound->place, "www.example.com", kPath)), "");
}

TEST(HttpListener, NothingInheritedIsAnError) {
  HttpListenerOptions options;
  options.listen = {"fd:63"};
  EXPECT_FALSE(HttpListener::Start(options).ok());
}

TEST(HttpListener, ASlowPeerIsCutOffAtTheDeadline) {
  HttpListenerOptions options = Loopback();
  options.limits.deadline = absl::Milliseconds(50);
  auto listener = StartOrDie(options);
  RawClient slow(listener->places()[0]);
  slow.Send("GET / HT");
  EXPECT_EQ(slow.ReadAll(), "");  // ends because the listener ends it
}

TEST(HttpListener, IdlePeersCannotKeepOthersOut) {
  HttpListenerOptions options = Loopback();
  options.limits.max_connections = 8;
  auto listener = StartOrDie(options);
  ASSERT_TRUE(listener->PutUp(MakeProof("www.example.com", "token-1"), "").ok());
  std::list<RawClient> idle;
  for (int i = 0; i < 40; ++i) {
    idle.emplace_back(listener->places()[0]);
    ASSERT_TRUE(idle.back().connected());
    idle.back().Send("GET ");
    EXPECT_NE(BodyOf(Get(listener->places()[0], "www.example.com", kPath)), "");
  }
  EXPECT_EQ(idle.front().ReadAll(), "");
}

TEST(HttpListener, ServesWhileTheTableChanges) {
  auto listener = StartOrDie(Loopback());
  const auto stays = MakeProof("www.example.com", "token-1");
  ASSERT_TRUE(listener->PutUp(stays, "").ok());
  std::thread changer([&] {
    for (int i = 0; i < 2000; ++i) {
      const auto proof = MakeProof("www.example.com", absl::StrCat("other-", i % 7));
      ASSERT_TRUE(listener->PutUp(proof, "").ok());
      ASSERT_TRUE(listener->TakeDown(proof, "").ok());
    }
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(BodyOf(Get(listener->places()[0], "www.example.com", kPath)),
              stays.key_authorization.value());
  }
  changer.join();
}

}  // namespace
}  // namespace norroy::agent
