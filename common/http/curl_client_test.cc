#include "common/http/curl_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/http/tls_test_server.h"

namespace norroy::http {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string WriteRoot(const TlsTestServer& server, const std::string& name) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name, ".pem");
  std::ofstream(path) << server.root_pem();
  return path;
}

class CurlClientTest : public ::testing::Test {
 protected:
  CurlClientTest() {
    options_.root_file = WriteRoot(server_, "root");
    options_.user_agent = "norroy-test";
  }

  std::unique_ptr<Client> NewClient() {
    auto client = NewCurlClient(options_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  Request Get(const std::string& path) const {
    Request request;
    request.url = server_.url(path);
    request.timeout = absl::Seconds(10);
    return request;
  }

  TlsTestServer server_;
  CurlOptions options_;
};

std::string Sent(const absl::Status& status) { return ErrorMetadataOf(status)["sent"]; }

TEST_F(CurlClientTest, SendsWhatWasAskedAndReturnsWhatCame) {
  server_.Answer(
      "HTTP/1.1 404 Not Found\r\nX-One: 1\r\nx-one:  2 \r\nContent-Length: 3\r\n\r\nabc");
  Request request = Get("/path?q=1");
  request.method = "POST";
  request.body = std::string("a\0b", 3);
  request.headers = {{"Content-Type", "application/jose+json"}, {"Accept", "x/y"}};
  const auto response = NewClient()->Send(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "abc");
  EXPECT_THAT(response->HeaderValues("X-One"), ElementsAre("1", "2"));
  const std::vector<std::string> requests = server_.requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_THAT(requests[0], HasSubstr("POST /path?q=1 HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Content-Type: application/jose+json\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Accept: x/y\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("User-Agent: norroy-test\r\n"));
  EXPECT_THAT(requests[0], ::testing::Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(requests[0], ::testing::EndsWith(std::string("\r\n\r\na\0b", 7)));
}

TEST_F(CurlClientTest, KeepsTheConnection) {
  const auto client = NewClient();
  for (int i = 0; i < 5; ++i) {
    server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_TRUE(client->Send(Get("/")).ok());
  }
  Request head = Get("/");
  head.method = "HEAD";
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nReplay-Nonce: n\r\n\r\n");
  const auto response = client->Send(head);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->Header("replay-nonce"), "n");
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(CurlClientTest, ReconnectsWhenTheServerClosedInBetween) {
  const auto client = NewClient();
  for (int i = 0; i < 3; ++i) {
    server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", /*then_close=*/true);
    ASSERT_TRUE(client->Send(Get("/")).ok());
    server_.WaitUntilClosed(i + 1);
  }
  EXPECT_EQ(server_.connections(), 3);
}

TEST_F(CurlClientTest, NeverSendsAPostTwice) {
  const auto client = NewClient();
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(client->Send(Get("/")).ok());
  // The kept connection dies after the request was read: it may have been acted upon.
  server_.Answer("", /*then_close=*/true);
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  Request post = Get("/new-order");
  post.method = "POST";
  post.body = "{}";
  const auto response = client->Send(post);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Sent(response.status()), "maybe");
  EXPECT_THAT(server_.requests(), SizeIs(2));
}

struct HostileCase {
  std::string name;
  std::string answer;
  int status;  // of the response; 0: an error
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reason;
};

TEST_F(CurlClientTest, SurvivesHostileReplies) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  std::string many_headers = ok;
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&many_headers, "X-", i, ": y\r\n");
  std::string many_hints;
  for (int i = 0; i < 5'000; ++i) many_hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  std::string endless = ok + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 500; ++i)
    absl::StrAppend(&endless, "400\r\n", std::string(1024, 'x'), "\r\n");
  const auto too_large = absl::StatusCode::kResourceExhausted;
  const auto lost = absl::StatusCode::kUnavailable;
  const std::vector<HostileCase> cases = {
      {"redirect",
       "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302},
      {"cleartext redirect",
       "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 307},
      {"body at the cap", ok + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x'), 200},
      {"body over the cap", ok + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'x'), 0,
       too_large, "REPLY_TOO_LARGE"},
      {"says 1 GiB", ok + "Content-Length: 1073741824\r\n\r\n" + std::string(2000, 'x'), 0,
       too_large, "REPLY_TOO_LARGE"},
      {"endless chunks", endless, 0, too_large, "REPLY_TOO_LARGE"},
      {"1 MiB header", ok + "X: " + std::string(1 << 20, 'y') + "\r\n\r\n", 0, too_large,
       "REPLY_TOO_LARGE"},
      {"10,000 headers", many_headers + "\r\n", 0, too_large, "REPLY_TOO_LARGE"},
      {"endless 1xx", many_hints, 0, too_large, "REPLY_TOO_LARGE"},
      {"truncated body", ok + "Content-Length: 100\r\n\r\nabc", 0, lost, "CONNECTION_LOST"},
      {"truncated header", "HTTP/1.1 200 OK\r\nContent-Le", 0, lost, "CONNECTION_LOST"},
      {"nothing", "", 0, lost, "CONNECTION_LOST"},
      {"no HTTP", "hello\r\n\r\n", 0, lost, "CONNECTION_LOST"},
      {"bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 0, lost, "CONNECTION_LOST"},
      {"compressed", ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x01",
       200},
      {"early hint", "HTTP/1.1 103 Early\r\nX: hint\r\n\r\n" + ok + "Content-Length: 0\r\n\r\n",
       200},
  };
  for (const HostileCase& c : cases) {
    const auto client = NewClient();
    server_.Answer(c.answer, /*then_close=*/true);
    Request request = Get("/");
    request.max_body_bytes = 1000;
    const auto response = client->Send(request);
    if (c.status != 0) {
      ASSERT_TRUE(response.ok()) << c.name << ": " << response.status();
      EXPECT_EQ(response->status, c.status) << c.name;
      EXPECT_THAT(response->HeaderValues("X"), IsEmpty()) << c.name;
      continue;
    }
    ASSERT_FALSE(response.ok()) << c.name;
    EXPECT_EQ(response.status().code(), c.code) << c.name << ": " << response.status();
    EXPECT_EQ(ErrorReason(response.status()), c.reason) << c.name << ": " << response.status();
    EXPECT_EQ(Sent(response.status()), "maybe") << c.name;
    // The client is fit for more.
    server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(client->Send(Get("/")).ok()) << c.name;
  }
  EXPECT_THAT(server_.requests(), Each(::testing::StartsWith("GET / HTTP/1.1\r\n")));
}

TEST_F(CurlClientTest, GivesUpOnSlowRepliesInTime) {
  const auto client = NewClient();
  // Headers, then silence with the connection open.
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  Request request = Get("/");
  request.timeout = absl::Milliseconds(150);
  const auto response = client->Send(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Sent(response.status()), "maybe");
}

TEST_F(CurlClientTest, GoesOnAsLongAsItMay) {
  std::atomic<bool> may = true;
  options_.may_go_on = [&may] { return may.load(); };
  const auto client = NewClient();
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(client->Send(Get("/")).ok());
  // Headers, then silence: cut off long before its timeout.
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  std::thread stop([&may] {
    absl::SleepFor(absl::Milliseconds(100));
    may = false;
  });
  const auto cut = client->Send(Get("/"));
  stop.join();
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kUnavailable) << cut.status();
  EXPECT_EQ(Sent(cut.status()), "maybe");
  const auto kept = client->Send(Get("/"));
  EXPECT_EQ(ErrorReason(kept.status()), "HELD_BACK");
  EXPECT_EQ(Sent(kept.status()), "no");
}

TEST_F(CurlClientTest, TrustsOnlyTheRootFileAndTheRightHost) {
  const TlsTestServer other;
  options_.root_file = WriteRoot(other, "other-root");
  auto response = NewClient()->Send(Get("/"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED");
  EXPECT_EQ(Sent(response.status()), "no");

  options_.root_file = WriteRoot(server_, "root");
  Request request = Get("/");
  // The certificate is for 127.0.0.1.
  request.url = absl::StrCat("https://127.0.0.2:", server_.port(), "/");
  response = NewClient()->Send(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED") << response.status();

  // The system's CAs do not know it.
  options_.root_file = "";
  response = NewClient()->Send(Get("/"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED");
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(CurlClientTest, RefusesOldTls) {
  server_.UseTls11Only();
  const auto response = NewClient()->Send(Get("/"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED") << response.status();
}

TEST_F(CurlClientTest, SaysThatNothingWasSentWhereNobodyListens) {
  Request request = Get("/");
  request.url = absl::StrCat("https://127.0.0.1:", UnusedPort(), "/");
  const auto response = NewClient()->Send(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(response.status()), "CONNECT_FAILED");
  EXPECT_EQ(Sent(response.status()), "no");
}

TEST_F(CurlClientTest, IgnoresTheEnvironmentsProxy) {
  const std::string dead = absl::StrCat("http://127.0.0.1:", UnusedPort());
  for (const char* const name : {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"}) {
    setenv(name, dead.c_str(), 1);
  }
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(NewClient()->Send(Get("/")).ok());
  // The configured one is used: here it does not answer.
  options_.proxy = dead;
  const auto response = NewClient()->Send(Get("/"));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(Sent(response.status()), "no");
  for (const char* const name : {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"}) {
    unsetenv(name);
  }
}

TEST_F(CurlClientTest, BindsWhereItIsTold) {
  options_.bind_address = "127.0.0.3";
  server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto response = NewClient()->Send(Get("/"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(server_.last_peer(), "127.0.0.3");
}

TEST_F(CurlClientTest, RefusesRequestsThatCannotBeMeant) {
  const auto client = NewClient();
  const std::vector<std::function<void(Request&)>> spoilers = {
      [](Request& r) { r.method = "DELETE"; },
      [](Request& r) { r.method = "get"; },
      [](Request& r) { r.url = "http://127.0.0.1/"; },
      [](Request& r) { r.url = "file:///etc/passwd"; },
      [](Request& r) { r.url = ""; },
      [](Request& r) { r.url += "\r\nX: y"; },
      [](Request& r) { r.url += std::string(8192, 'a'); },
      [](Request& r) {
        r.headers = {{"X", "a\r\nY: b"}};
      },
      [](Request& r) {
        r.headers = {{"X\n", "a"}};
      },
  };
  for (const auto& spoil : spoilers) {
    Request request = Get("/");
    spoil(request);
    const auto response = client->Send(request);
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(CurlClientTest, ChecksTheRootFileAtOnce) {
  const std::string empty = absl::StrCat(::testing::TempDir(), "/empty.pem");
  std::ofstream(empty) << "no certificate";
  for (const std::string& path : {std::string("/nonexistent/root.pem"), empty}) {
    options_.root_file = path;
    const auto client = NewCurlClient(options_);
    ASSERT_FALSE(client.ok());
    EXPECT_EQ(ErrorReason(client.status()), "BAD_ROOT_FILE");
    EXPECT_THAT(std::string(client.status().message()), HasSubstr(path));
  }
}

TEST_F(CurlClientTest, ServesManyThreads) {
  const auto client = NewClient();
  for (int i = 0; i < 400; ++i) {
    server_.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) good += client->Send(Get("/")).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_LE(server_.connections(), 8);
}

}  // namespace
}  // namespace norroy::http
