// A CA that is broken or malicious.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "issuer/acme/client_fixture.h"
#include "issuer/acme/hostile_json.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ClientHostileTest : public ClientFixture {
 protected:
  void TearDown() override {
    // Whatever the CA says, nothing goes elsewhere.
    for (const fakes::RequestRecord& request : ca_.requests()) {
      EXPECT_THAT(request.url, StartsWith("https://ca.test/"));
    }
  }
  void TamperWith(Endpoint endpoint, std::function<void(http::Response&)> change) {
    ca_.SetTamper([=](Endpoint at, const http::Request&, http::Response& reply) {
      if (at == endpoint) change(reply);
    });
  }
  absl::Status NewOrder(Client& client) {
    return client.NewOrder(Names({"a.example.com", "b.example.com"}), "").status();
  }
};

struct RefusalCase {
  Fault fault;
  absl::StatusCode code;
  std::string reason;
  std::string says;
};

TEST_F(ClientHostileTest, JudgesRepliesByTheirStatusFirst) {
  const std::string page = "<html>\x1b[31mlogin</html>";
  const std::vector<RefusalCase> cases = {
      {Fault::Problem(429, "rateLimited", "too many orders", "3600"),
       absl::StatusCode::kResourceExhausted, "CA_RATE_LIMITED", "too many orders"},
      {Fault::Reply(429, "text/html", page), absl::StatusCode::kResourceExhausted,
       "CA_RATE_LIMITED", "\\x1b[31mlogin"},
      {Fault::Reply(503, "text/html", page), absl::StatusCode::kUnavailable, "CA_UNAVAILABLE",
       "login"},
      {Fault::Reply(500, "application/json", R"({"status":"pending"})"),
       absl::StatusCode::kUnavailable, "CA_UNAVAILABLE", "500"},
      {Fault::Reply(502, "", ""), absl::StatusCode::kUnavailable, "CA_UNAVAILABLE", "502"},
      {Fault::Reply(403, "text/plain", "go away"), absl::StatusCode::kFailedPrecondition,
       "CA_REFUSED", "go away"},
      {Fault::Reply(200, "text/html", page), absl::StatusCode::kInternal, "CA_PROTOCOL",
       "Location"},
      {Fault::Reply(204, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "Location"},
      {Fault::Reply(100, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "100"},
      {Fault::Reply(0, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "status"},
      {Fault::Reply(700, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "700"},
      {Fault::Reply(301, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "redirects"},
      {Fault::Reply(302, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "redirects"},
      {Fault::Reply(307, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "redirects"},
      {Fault::Reply(308, "", ""), absl::StatusCode::kInternal, "CA_PROTOCOL", "redirects"},
  };
  const auto client = RegisteredClient();
  for (const RefusalCase& c : cases) {
    Fault fault = c.fault;
    fault.response.headers.emplace_back(
        "Location", fault.response.status >= 300 ? "https://evil.example/" : "");
    ca_.Script(Endpoint::kNewOrder, fault);
    const absl::Status status = NewOrder(*client);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_THAT(std::string(status.message()), HasSubstr("newOrder"));
  }
  EXPECT_EQ(ca_.count(Endpoint::kNewOrder), static_cast<int>(cases.size()));
}

TEST_F(ClientHostileTest, PassesTheTimeToWaitOn) {
  const auto client = RegisteredClient();
  for (const char* const value : {"600", "Sun, 01 Mar 2026 12:10:00 GMT"}) {
    ca_.Script(Endpoint::kNewOrder, Fault::Problem(429, "rateLimited", "wait", value));
    const absl::Status status = NewOrder(*client);
    ASSERT_TRUE(ProblemOf(status).has_value());
    EXPECT_EQ(ProblemOf(status)->retry_after, clock_.Now() + absl::Minutes(10));
  }
}

TEST_F(ClientHostileTest, NamesTheDirectoryWhereThatFails) {
  for (const Fault& fault :
       {Fault::Reply(302, "", ""), Fault::Reply(200, "text/html", "<html>"),
        Fault::Reply(200, "application/json", "{}"), Fault::Reply(503, "text/html", "down")}) {
    ca_.Script(Endpoint::kDirectory, fault);
    const auto directory = NewClient()->GetDirectory();
    ASSERT_FALSE(directory.ok());
    EXPECT_THAT(std::string(directory.status().message()), HasSubstr("directory"));
  }
  ca_.Script(Endpoint::kDirectory,
             Fault::Reply(200, "application/json", std::string(64 * 1024 + 1, ' ')));
  EXPECT_EQ(ErrorReason(NewClient()->GetDirectory().status()), "REPLY_TOO_LARGE");
}

TEST_F(ClientHostileTest, SurvivesHostileBodiesEverywhere) {
  const auto client = RegisteredClient();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_TRUE(order.ok());
  for (const HostileJson& c : HostileJsonTable()) {
    const Fault fault = Fault::Reply(200, "application/json", c.text);
    ca_.Script(Endpoint::kOrder, fault);
    ca_.Script(Endpoint::kAuthorization, fault);
    ca_.Script(Endpoint::kFinalize, fault);
    ca_.Script(Endpoint::kDirectory, fault);
    EXPECT_FALSE(client->GetOrder(order->url).ok()) << c.name;
    EXPECT_FALSE(client->GetAuthorization(order->authorizations[0]).ok()) << c.name;
    EXPECT_FALSE(client->Finalize(*order, Csr(order->names)).ok()) << c.name;
    EXPECT_FALSE(NewClient()->GetDirectory().ok()) << c.name;
  }
  EXPECT_TRUE(client->GetOrder(order->url).ok());
}

TEST_F(ClientHostileTest, ChecksEveryUrlOfTheCa) {
  const std::string evil = "https://evil.example/";
  struct Case {
    Endpoint endpoint;
    std::string from;
  };
  const auto client = RegisteredClient();
  for (const Case& c : {Case{Endpoint::kNewOrder, "https://ca.test/finalize/"},
                        Case{Endpoint::kNewOrder, "https://ca.test/authz/"}}) {
    TamperWith(c.endpoint, [&](http::Response& reply) {
      reply.body = absl::StrReplaceAll(reply.body, {{c.from, evil}});
    });
    const absl::Status status = NewOrder(*client);
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << c.from;
    EXPECT_EQ(ErrorReason(status), "CA_URL_REFUSED") << c.from;
  }
  TamperWith(Endpoint::kNewOrder, [&](http::Response& reply) {
    for (auto& [name, value] : reply.headers) {
      if (name == "Location") value = evil;
    }
  });
  EXPECT_EQ(ErrorReason(NewOrder(*client)), "CA_URL_REFUSED");
  ca_.SetTamper(nullptr);
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  TamperWith(Endpoint::kAuthorization, [&](http::Response& reply) {
    reply.body = absl::StrReplaceAll(reply.body, {{"https://ca.test/challenge/", evil}});
  });
  EXPECT_EQ(ErrorReason(client->GetAuthorization(order->authorizations[0]).status()),
            "CA_URL_REFUSED");
  // URLs from elsewhere, a database for instance, are checked as well.
  EXPECT_EQ(ErrorReason(client->GetOrder(evil).status()), "CA_URL_REFUSED");
  EXPECT_EQ(ErrorReason(client->GetAuthorization(evil).status()), "CA_URL_REFUSED");
  EXPECT_EQ(ErrorReason(client->RespondToChallenge(evil)), "CA_URL_REFUSED");
  EXPECT_EQ(ErrorReason(client->DeactivateAuthorization(evil)), "CA_URL_REFUSED");
  EXPECT_EQ(ErrorReason(client->DownloadCertificate(evil).status()), "CA_URL_REFUSED");
  Order forged = *order;
  forged.finalize = evil;
  EXPECT_EQ(ErrorReason(client->Finalize(forged, "csr").status()), "CA_URL_REFUSED");
}

// T45.
TEST_F(ClientHostileTest, RefusesAnOrderForOtherNames) {
  const auto client = RegisteredClient();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"a.example.com", "evil.example"},
           {"a.example.com", "*.example.com"},
           {"a.example.com", "b.example.com"},
           {R"("identifiers":[)", R"("identifiers":[{"type":"dns","value":"c.example.com"},)"}}) {
    TamperWith(Endpoint::kNewOrder, [from = from, to = to](http::Response& reply) {
      reply.body = absl::StrReplaceAll(reply.body, {{from, to}});
    });
    const absl::Status status = NewOrder(*client);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << to << status;
    EXPECT_EQ(ErrorReason(status), "CA_PROTOCOL") << to;
  }
  // An order for fewer names, as the CA once gave it.
  std::string body;
  TamperWith(Endpoint::kNewOrder, [&](http::Response& reply) { body = reply.body; });
  ASSERT_TRUE(client->NewOrder(Names({"a.example.com"}), "").ok());
  TamperWith(Endpoint::kNewOrder, [&](http::Response& reply) { reply.body = body; });
  EXPECT_EQ(ErrorReason(NewOrder(*client)), "CA_PROTOCOL");
}

TEST_F(ClientHostileTest, DownloadsOnlyChains) {
  const auto client = RegisteredClient();
  ASSERT_TRUE(Obtain(*client, {"www.example.com"}).ok());
  const std::string url = "https://ca.test/certificate/1";
  for (const Fault& fault :
       {Fault::Reply(200, "application/pem-certificate-chain", ""),
        Fault::Reply(200, "text/html", "<html>login</html>"),
        Fault::Reply(200, "application/pkix-cert", std::string("\x30\x82\x01\x00", 4)),
        Fault::Reply(200, "application/pkcs7-mime", "-----BEGIN PKCS7-----\n"),
        Fault::Reply(200, "application/x-pem", std::string(256 * 1024 + 1, '-'))}) {
    ca_.Script(Endpoint::kCertificate, fault);
    const auto chains = client->DownloadCertificate(url);
    ASSERT_FALSE(chains.ok());
    EXPECT_THAT(ErrorReason(chains.status()), ::testing::AnyOf("CA_PROTOCOL", "REPLY_TOO_LARGE"));
  }
}

TEST_F(ClientHostileTest, TakesNoMoreThanEightAlternatesAndOnlyGoodOnes) {
  ca_.Change([](fakes::FakeCaOptions& options) { options.alternate_chains = 12; });
  const auto client = RegisteredClient();
  const auto chains = Obtain(*client, {"www.example.com"});
  ASSERT_TRUE(chains.ok()) << chains.status();
  EXPECT_THAT(*chains, SizeIs(9));
  // One elsewhere, one that repeats, one that fails.
  ca_.SetTamper([](Endpoint endpoint, const http::Request& request, http::Response& reply) {
    if (endpoint != Endpoint::kCertificate) return;
    reply.headers.erase(std::remove_if(reply.headers.begin(), reply.headers.end(),
                                       [](const auto& header) { return header.first == "Link"; }),
                        reply.headers.end());
    reply.headers.emplace_back("Link",
                               "<https://evil.example/1>;rel=alternate, "
                               "<https://ca.test/certificate/1>;rel=alternate, "
                               "<https://ca.test/certificate/1/1>;rel=alternate, "
                               "<https://ca.test/certificate/99>;rel=alternate, "
                               "<https://ca.test/certificate/1/2>;rel=alternate");
    if (absl::EndsWith(request.url, "/1/1")) reply.body = "not PEM";
  });
  const auto some = client->DownloadCertificate("https://ca.test/certificate/1");
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_THAT(*some, SizeIs(2));
}

TEST_F(ClientHostileTest, SaysNothingOfItsHost) {
  std::vector<http::Request> requests;
  ca_.SetTamper([&](Endpoint, const http::Request& request, http::Response&) {
    requests.push_back(request);
  });
  ASSERT_TRUE(Obtain(*RegisteredClient(), {"www.example.com"}).ok());
  for (const http::Request& request : requests) {
    for (const auto& [name, value] : request.headers) {
      EXPECT_THAT(name,
                  ::testing::AnyOf("User-Agent", "Accept-Language", "Accept", "Content-Type"));
      if (name == "User-Agent") {
        EXPECT_EQ(value, "norroy/0.1");
      }
    }
  }
  EXPECT_THAT(ca_.violations(), IsEmpty());
}

}  // namespace
}  // namespace norroy::acme
