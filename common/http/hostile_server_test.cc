// libcurl keeps what the port promises, against a real server that does not play by the rules.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/http/curl_client.h"
#include "common/http/tls_test_server.h"

namespace norroy::http {
namespace {

using ::testing::HasSubstr;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\n";

class HostileServerTest : public ::testing::Test {
 protected:
  static std::unique_ptr<Client> ClientOf(const TlsTestServer& server) {
    const std::string path = absl::StrCat(::testing::TempDir(), "/root-", server.port(), ".pem");
    std::ofstream(path) << server.root_pem();
    CurlOptions options;
    options.root_file = path;
    auto client = NewCurlClient(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  static Request To(const TlsTestServer& server, const std::string& method = "POST") {
    Request request;
    request.method = method;
    request.url = server.url("/");
    request.timeout = absl::Seconds(20);
    if (method == "POST") request.body = "{}";
    return request;
  }
};

// The address sanitizer keeps freed memory for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kMostBytes = 64 << 20;
#else
constexpr int64_t kMostBytes = 8 << 20;
#endif

int64_t PeakBytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

struct EndlessCase {
  std::string name;
  std::string head;
  std::string part;
};

// Whatever a server sends, it costs no memory beyond the cap and no time after it.
TEST_F(HostileServerTest, StopsAtTheCap) {
  const std::string block(16 * 1024, 'x');
  std::string headers;
  for (int i = 0; i < 500; ++i)
    absl::StrAppend(&headers, "X-", i, ": ", std::string(20, 'y'), "\r\n");
  const std::vector<EndlessCase> cases = {
      {"1 GiB announced", absl::StrCat(kOk, "Content-Length: 1073741824\r\n\r\n"), block},
      {"no length", absl::StrCat(kOk, "Connection: close\r\n\r\n"), block},
      {"endless chunks", absl::StrCat(kOk, "Transfer-Encoding: chunked\r\n\r\n"),
       absl::StrCat("4000\r\n", block, "\r\n")},
      {"endless trailers", absl::StrCat(kOk, "Transfer-Encoding: chunked\r\n\r\n0\r\n"), headers},
      {"endless headers", kOk, headers},
      {"one endless header", absl::StrCat(kOk, "X: "), block},
      {"endless 1xx", "", "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"},
      // Said to be gzip: nobody unpacks it, so it counts as what it is.
      {"a compressed body", absl::StrCat(kOk, "Content-Encoding: gzip\r\n\r\n"), block},
  };
  for (const EndlessCase& c : cases) {
    SCOPED_TRACE(c.name);
    TlsTestServer server;
    server.AnswerWithoutEnd(c.head, c.part);
    const auto client = ClientOf(server);
    const int64_t before = PeakBytes();
    const absl::Time begin = absl::Now();
    const auto response = client->Send(To(server));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(ErrorReason(response.status()), "REPLY_TOO_LARGE") << response.status();
    EXPECT_EQ(ErrorMetadataOf(response.status())["sent"], "maybe");
    EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
    EXPECT_LT(PeakBytes() - before, kMostBytes);
    // The connection is closed: the server cannot go on for long.
    server.WaitUntilClosed(1);
    EXPECT_LT(server.sent_without_end(), 16 << 20);
  }
}

TEST_F(HostileServerTest, DoesNotUnpack) {
  TlsTestServer server;
  const std::string packed("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03 and so on", 20);
  server.Answer(absl::StrCat(kOk, "Content-Encoding: gzip\r\nContent-Length: ", packed.size(),
                             "\r\n\r\n", packed));
  const auto response = ClientOf(server)->Send(To(server, "GET"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, packed);
}

// A byte now and then keeps no thread.
TEST_F(HostileServerTest, GivesUpOnTrickles) {
  for (const std::string& bytes :
       {absl::StrCat(kOk, "Content-Length: 1000\r\n\r\n", std::string(1000, 'x')),
        absl::StrCat(kOk, "X: ", std::string(1000, 'y'), "\r\n\r\n"), std::string(1000, 'H')}) {
    TlsTestServer server;
    server.Trickle(bytes, absl::Milliseconds(20));
    Request request = To(server);
    request.timeout = absl::Milliseconds(400);
    const absl::Time begin = absl::Now();
    const auto response = ClientOf(server)->Send(request);
    ASSERT_FALSE(response.ok());
    EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
    EXPECT_EQ(ErrorMetadataOf(response.status())["sent"], "maybe");
    EXPECT_THAT(ErrorReason(response.status()),
                ::testing::AnyOf("REPLY_TIMEOUT", "CONNECTION_LOST"));
  }
}

TEST_F(HostileServerTest, TellsWhetherItWasSent) {
  TlsTestServer server;
  const auto client = ClientOf(server);
  server.CutConnections(1);
  auto response = client->Send(To(server));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ErrorMetadataOf(response.status())["sent"], "no") << response.status();
  EXPECT_EQ(server.requests().size(), 0u);
  for (const std::string& bytes : {std::string(), std::string("HTTP/1.1 2"),
                                   absl::StrCat(kOk, "Content-Length: 9\r\n\r\nabc")}) {
    server.AnswerAndReset(bytes);
    response = client->Send(To(server));
    ASSERT_FALSE(response.ok()) << bytes;
    EXPECT_EQ(ErrorReason(response.status()), "CONNECTION_LOST") << response.status();
    EXPECT_EQ(ErrorMetadataOf(response.status())["sent"], "maybe") << response.status();
  }
  // Each was sent once.
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(HostileServerTest, TrustsOnlyWhatItShould) {
  TlsTestServer good;
  {
    const TlsTestServer expired({.expired = true});
    const auto response = ClientOf(expired)->Send(To(expired));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED") << response.status();
    EXPECT_THAT(std::string(response.status().message()), HasSubstr("expired"));
    EXPECT_EQ(expired.requests().size(), 0u);
  }
  {
    // Another root.
    const TlsTestServer other;
    const auto response = ClientOf(good)->Send(To(other));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED") << response.status();
    EXPECT_EQ(other.requests().size(), 0u);
  }
  {
    // The right certificate under another name.
    Request request = To(good);
    request.url = absl::StrCat("https://127.0.0.2:", good.port(), "/");
    const auto response = ClientOf(good)->Send(request);
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(ErrorReason(response.status()), "TLS_REFUSED") << response.status();
    EXPECT_EQ(good.requests().size(), 0u);
  }
  {
    // A client certificate is asked for: none is given, and that is fine with the server.
    TlsTestServer asking({.wants_certificate = true});
    asking.Answer(absl::StrCat(kOk, "Content-Length: 0\r\n\r\n"));
    const auto response = ClientOf(asking)->Send(To(asking));
    EXPECT_TRUE(response.ok()) << response.status();
  }
  {
    TlsTestServer needing({.needs_certificate = true});
    const auto response = ClientOf(needing)->Send(To(needing));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(needing.requests().size(), 0u);
  }
}

}  // namespace
}  // namespace norroy::http
