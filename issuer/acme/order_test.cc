#include "issuer/acme/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kUrl[] = "https://ca.example/order/1";
constexpr char kOrder[] = R"({
  "status": "pending", "expires": "2026-03-08T12:00:00Z",
  "identifiers": [{"type": "dns", "value": "www.example.com"},
                  {"type": "dns", "value": "*.Example.com"}, {"type": "ip", "value": "192.0.2.1"}],
  "authorizations": ["https://ca.example/authz/1", "https://ca.example/authz/2"],
  "finalize": "https://ca.example/finalize/1", "certificate": null, "error": null,
  "replaces": "unknown to us"})";

UrlPolicy Policy() { return *UrlPolicy::Make("https://ca.example/dir", {}); }

std::vector<std::string> Texts(const Order& order) {
  std::vector<std::string> texts;
  for (const challenge::Name& name : order.names) texts.push_back(name.text());
  return texts;
}

TEST(Order, ReadsWhatTheRfcNames) {
  const auto order = Order::Parse(kOrder, kUrl, Policy());
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(order->url, kUrl);
  EXPECT_EQ(order->status, OrderStatus::kPending);
  EXPECT_EQ(absl::ToUnixSeconds(*order->expires), 1'772'971'200);
  EXPECT_THAT(Texts(*order),
              ::testing::UnorderedElementsAre("*.example.com", "www.example.com", "192.0.2.1"));
  EXPECT_TRUE(std::is_sorted(order->names.begin(), order->names.end()));
  EXPECT_THAT(order->authorizations,
              ElementsAre("https://ca.example/authz/1", "https://ca.example/authz/2"));
  EXPECT_EQ(order->finalize, "https://ca.example/finalize/1");
  EXPECT_EQ(order->certificate, "");
  EXPECT_FALSE(order->error.has_value());
}

struct GoodOrder {
  std::string from, to;
  OrderStatus status;
};

TEST(Order, KnowsEveryStatus) {
  const std::vector<GoodOrder> cases = {
      {"pending", "pending", OrderStatus::kPending},
      {"pending", "ready", OrderStatus::kReady},
      {"pending", "processing", OrderStatus::kProcessing},
      {"pending", "invalid", OrderStatus::kInvalid},
      {"pending", "deactivated", OrderStatus::kInvalid},
      {"\"pending\"", "\"valid\", \"x\": {\"deep\": [[[]]]}", OrderStatus::kValid},
  };
  for (const GoodOrder& c : cases) {
    const std::string text = absl::StrReplaceAll(
        kOrder, {{c.from, c.to}, {"null, \"error\"", R"("https://ca.example/c/1", "error")"}});
    const auto order = Order::Parse(text, kUrl, Policy());
    ASSERT_TRUE(order.ok()) << c.to << order.status();
    EXPECT_EQ(order->status, c.status);
    EXPECT_EQ(order->certificate, "https://ca.example/c/1");
  }
}

TEST(Order, CarriesTheProblem) {
  const std::string text = absl::StrReplaceAll(
      kOrder, {{"\"pending\"", "\"invalid\""},
               {R"("error": null)",
                R"("error": {"type": "urn:ietf:params:acme:error:compound", "detail": "two of them",
                    "subproblems": [{"type": "urn:ietf:params:acme:error:caa", "detail": "no",
                    "identifier": {"type": "dns", "value": "www.example.com"}}]})"}});
  const auto order = Order::Parse(text, kUrl, Policy());
  ASSERT_TRUE(order.ok()) << order.status();
  ASSERT_TRUE(order->error.has_value());
  EXPECT_EQ(order->error->acme_type(), "compound");
  ASSERT_EQ(order->error->subproblems.size(), 1u);
  EXPECT_EQ(order->error->subproblems[0].identifier_value, "www.example.com");
}

struct BadOrder {
  std::string from, to;
  std::string reason;
  std::string says;
};

TEST(Order, SaysWhatIsWrong) {
  const std::vector<BadOrder> cases = {
      {"\"pending\"", "\"Pending\"", "CA_PROTOCOL", "status"},
      {"\"pending\"", "\"\"", "CA_PROTOCOL", "status"},
      {"\"pending\"", "1", "CA_PROTOCOL", "status"},
      {"\"pending\"", "[\"pending\"]", "CA_PROTOCOL", "status"},
      {"\"status\"", "\"state\"", "CA_PROTOCOL", "status"},
      {"\"pending\"", "\"valid\"", "CA_PROTOCOL", "no certificate"},
      {"2026-03-08T12:00:00Z", "next week", "CA_PROTOCOL", "expires"},
      {"\"2026-03-08T12:00:00Z\"", "1772971200", "CA_PROTOCOL", "expires"},
      {"\"identifiers\"", "\"identities\"", "CA_PROTOCOL", "identifiers"},
      {"www.example.com", "*.example.com", "CA_PROTOCOL", "twice"},
      {"www.example.com", "EXAMPLE", "CA_PROTOCOL", "value"},
      {"www.example.com", "../x", "CA_PROTOCOL", "value"},
      {"www.example.com", "*.*.example.com", "CA_PROTOCOL", "value"},
      {"192.0.2.1", "*.192.0.2.1", "CA_PROTOCOL", "value"},
      {"192.0.2.1", "192.0.2.999", "CA_PROTOCOL", "value"},
      {"\"ip\"", "\"email\"", "CA_PROTOCOL", "type"},
      {"\"ip\"", "null", "CA_PROTOCOL", "type"},
      {"{\"type\": \"ip\", \"value\": \"192.0.2.1\"}", "\"192.0.2.1\"", "CA_PROTOCOL",
       "identifiers"},
      {"https://ca.example/authz/2", "https://evil.example/authz/2", "CA_URL_REFUSED",
       "authorization"},
      {"https://ca.example/authz/2", "http://ca.example/authz/2", "CA_URL_REFUSED",
       "authorization"},
      {"\"https://ca.example/authz/2\"", "2", "CA_PROTOCOL", "authorizations"},
      {"\"authorizations\"", "\"auth\"", "CA_PROTOCOL", "authorizations"},
      {"https://ca.example/finalize/1", "https://ca.example:8443/f", "CA_URL_REFUSED", "finalize"},
      {"\"finalize\"", "\"finalise\"", "CA_PROTOCOL", "finalize"},
      {"\"certificate\": null", "\"certificate\": \"gopher://x\"", "CA_URL_REFUSED", "certificate"},
      {"\"error\": null", "\"error\": \"bad\"", "CA_PROTOCOL", "error"},
  };
  for (const BadOrder& c : cases) {
    const std::string text = absl::StrReplaceAll(kOrder, {{c.from, c.to}});
    ASSERT_NE(text, kOrder) << c.from;
    const auto order = Order::Parse(text, kUrl, Policy());
    ASSERT_FALSE(order.ok()) << c.to;
    EXPECT_EQ(ErrorReason(order.status()), c.reason) << order.status();
    EXPECT_THAT(std::string(order.status().message()), HasSubstr(c.says)) << c.to;
  }
  for (const HostileJson& c : HostileJsonTable()) {
    EXPECT_FALSE(Order::Parse(c.text, kUrl, Policy()).ok()) << c.name;
  }
}

TEST(Order, TakesAHundredNames) {
  for (const int count : {99, 100, 101}) {
    std::vector<std::string> identifiers, urls;
    for (int i = 0; i < count; ++i) {
      identifiers.push_back(absl::StrCat(R"({"type":"dns","value":"n)", i, R"(.example.com"})"));
      urls.push_back(absl::StrCat("\"https://ca.example/authz/", i, "\""));
    }
    const auto parse = [&](const std::string& names, const std::string& authorizations) {
      return Order::Parse(
          absl::StrCat(R"({"status":"pending","finalize":"https://ca.example/f","identifiers":[)",
                       names, R"(],"authorizations":[)", authorizations, "]}"),
          kUrl, Policy());
    };
    EXPECT_EQ(parse(absl::StrJoin(identifiers, ","), urls[0]).ok(), count <= 100) << count;
    EXPECT_EQ(parse(identifiers[0], absl::StrJoin(urls, ",")).ok(), count <= 100) << count;
  }
}

}  // namespace
}  // namespace norroy::acme
