#include "issuer/policy/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/error/error.h"

namespace norroy::policy {
namespace {

using config::v1::GrantConfig;
using config::v1::IssuerConfig;

struct GrantRow {
  std::string principal;
  std::vector<std::string> names;
  std::vector<std::string> key_types;
  std::vector<std::string> cas;
  std::vector<std::string> profiles;
};

IssuerConfig ConfigOf(const std::vector<GrantRow>& rows) {
  IssuerConfig config;
  config.add_cas()->set_name("le");
  config.add_cas()->set_name("staging");
  for (const GrantRow& row : rows) {
    GrantConfig& grant = *config.add_grants();
    grant.set_principal(row.principal);
    for (const std::string& v : row.names) grant.add_names(v);
    for (const std::string& v : row.key_types) grant.add_key_types(v);
    for (const std::string& v : row.cas) grant.add_cas(v);
    for (const std::string& v : row.profiles) grant.add_profiles(v);
  }
  return config;
}

Question Ask(const std::string& principal, const std::vector<std::string>& names,
             const std::string& ca = "le", const std::string& profile = "",
             std::optional<crypto::KeyType> key_type = std::nullopt) {
  Question question{principal, {}, ca, profile, key_type};
  for (const std::string& name : names) {
    question.names.push_back(challenge::Name::Parse(name).value());
  }
  return question;
}

const std::vector<GrantRow>& Grants() {
  static const auto* const rows = new std::vector<GrantRow>{
      {"operator/alice", {"."}, {}, {}, {}},
      {"requester/web", {"www.example.com", ".shop.example.com"}, {}, {}, {}},
      {"requester/web", {"*.shop.example.com"}, {"p256", "p384"}, {"le"}, {}},
      {"requester/web", {"api.example.com"}, {"p256"}, {"le"}, {"shortlived"}},
      {"requester/web", {"api.example.com"}, {"rsa2048"}, {"staging"}, {}},
      {"requester/ip", {"=192.0.2.0/24", "=2001:db8::/32"}, {}, {}, {}},
      {"requester/both", {"a.example.com"}, {}, {}, {"", "classic"}},
  };
  return *rows;
}

struct CheckCase {
  std::string title;
  Question question;
  std::string reason;  // "": allowed
  std::string names;   // what the message must contain
};

const crypto::KeyType kP256 = crypto::KeyType::kP256;
const crypto::KeyType kRsa2048 = crypto::KeyType::kRsa2048;

std::vector<CheckCase> CheckCases() {
  return {
      {"universal", Ask("operator/alice", {"a.example.com", "b.test-domain.org"}), "", ""},
      {"universal, any key", Ask("operator/alice", {"a.example.com"}, "le", "x", kP256), "", ""},
      {"universal is no wildcard", Ask("operator/alice", {"*.example.com"}), "NAME_NOT_GRANTED",
       "\"*.example.com\""},
      {"universal is no address", Ask("operator/alice", {"192.0.2.1"}), "NAME_NOT_GRANTED",
       "\"=192.0.2.1\""},
      {"unknown principal", Ask("operator/bob", {"www.example.com"}), "NAME_NOT_GRANTED",
       "operator/bob"},
      {"prefix of a principal", Ask("requester/we", {"www.example.com"}), "NAME_NOT_GRANTED", ""},
      {"principal with a suffix", Ask("requester/web-evil", {"www.example.com"}),
       "NAME_NOT_GRANTED", ""},
      {"same name, other role", Ask("operator/web", {"www.example.com"}), "NAME_NOT_GRANTED", ""},
      {"exact", Ask("requester/web", {"www.example.com"}), "", ""},
      {"exact is not below", Ask("requester/web", {"a.www.example.com"}), "NAME_NOT_GRANTED",
       ".www.example.com"},
      {"below", Ask("requester/web", {"a.shop.example.com", "b.c.shop.example.com"}), "", ""},
      {"below is not itself", Ask("requester/web", {"shop.example.com"}), "NAME_NOT_GRANTED",
       "shop.example.com"},
      {"not a suffix by characters", Ask("requester/web", {"evilshop.example.com"}),
       "NAME_NOT_GRANTED", ""},
      {"wildcard", Ask("requester/web", {"*.shop.example.com"}), "", ""},
      {"wildcard below", Ask("requester/web", {"*.a.shop.example.com"}), "NAME_NOT_GRANTED", ""},
      {"wildcard from another CA", Ask("requester/web", {"*.shop.example.com"}, "staging"),
       "CA_NOT_GRANTED", "staging"},
      {"wildcard, key not listed", Ask("requester/web", {"*.shop.example.com"}, "le", "", kRsa2048),
       "KEY_TYPE_NOT_GRANTED", "rsa2048"},
      {"key of another grant", Ask("requester/web", {"www.example.com"}, "le", "", kRsa2048), "",
       ""},
      {"names of several grants",
       Ask("requester/web", {"www.example.com", "*.shop.example.com"}, "le", "", kP256), "", ""},
      {"one of several lacks",
       Ask("requester/web", {"www.example.com", "mail.example.com"}, "le", "", kP256),
       "NAME_NOT_GRANTED", "mail.example.com"},
      {"profile", Ask("requester/web", {"api.example.com"}, "le", "shortlived", kP256), "", ""},
      {"default profile not listed", Ask("requester/web", {"api.example.com"}, "le", "", kP256),
       "PROFILE_NOT_GRANTED", "default profile"},
      {"other profile", Ask("requester/web", {"api.example.com"}, "le", "classic", kP256),
       "PROFILE_NOT_GRANTED", "classic"},
      {"halves of two grants do not add up",
       Ask("requester/web", {"api.example.com"}, "staging", "", kP256), "KEY_TYPE_NOT_GRANTED",
       "p256"},
      {"no key yet", Ask("requester/web", {"api.example.com"}, "staging"), "", ""},
      {"default profile listed", Ask("requester/both", {"a.example.com"}), "", ""},
      {"address", Ask("requester/ip", {"192.0.2.200", "2001:db8::1"}), "", ""},
      {"address outside", Ask("requester/ip", {"192.0.3.1"}), "NAME_NOT_GRANTED", "=192.0.3.1"},
      {"name under an address grant", Ask("requester/ip", {"www.example.com"}), "NAME_NOT_GRANTED",
       ""},
  };
}

TEST(Policy, Table) {
  const auto policy = MakeConfigPolicy(ConfigOf(Grants()));
  ASSERT_TRUE(policy.ok()) << policy.status();
  for (const CheckCase& row : CheckCases()) {
    SCOPED_TRACE(row.title);
    const absl::Status status = (*policy)->Check(row.question).status();
    EXPECT_EQ(ErrorReason(status), row.reason) << status;
    EXPECT_EQ(status.code(),
              row.reason.empty() ? absl::StatusCode::kOk : absl::StatusCode::kPermissionDenied);
    EXPECT_NE(status.message().find(row.names), absl::string_view::npos) << status;
  }
}

TEST(Policy, NobodyMayOrderByDefault) {
  const auto policy = MakeConfigPolicy(ConfigOf({}));
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(ErrorReason((*policy)->Check(Ask("operator/alice", {"www.example.com"})).status()),
            "NAME_NOT_GRANTED");
}

TEST(Policy, OrderOfGrantsDoesNotMatter) {
  std::vector<GrantRow> rows = Grants();
  for (size_t turn = 0; turn < rows.size(); ++turn) {
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
    const auto policy = MakeConfigPolicy(ConfigOf(rows));
    ASSERT_TRUE(policy.ok());
    for (const CheckCase& row : CheckCases()) {
      SCOPED_TRACE(row.title);
      EXPECT_EQ((*policy)->Check(row.question).ok(), row.reason.empty());
    }
  }
}

TEST(Policy, AddingAGrantNeverRemovesOne) {
  std::vector<GrantRow> rows;
  std::vector<std::string> allowed;
  for (const GrantRow& next : Grants()) {
    rows.push_back(next);
    const auto policy = MakeConfigPolicy(ConfigOf(rows));
    ASSERT_TRUE(policy.ok());
    std::vector<std::string> now;
    for (const CheckCase& row : CheckCases()) {
      if ((*policy)->Check(row.question).ok()) now.push_back(row.title);
    }
    for (const std::string& title : allowed) {
      EXPECT_NE(std::find(now.begin(), now.end(), title), now.end()) << title;
    }
    allowed = now;
  }
}

TEST(Policy, BadConfigurationNamesThePlace) {
  const GrantRow good = {"operator/alice", {"."}, {}, {}, {}};
  const struct {
    GrantRow row;
    std::string place;
  } cases[] = {
      {{"alice", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"operator/", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"operator/Alice Smith", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"agent/web1", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"auditor/eve", {"."}, {}, {}, {}}, "grants[1].principal"},
      {{"operator/bob", {}, {}, {}, {}}, "grants[1].names"},
      {{"operator/bob", {"www.example.com", "a*.example.com"}, {}, {}, {}}, "grants[1].names[1]"},
      {{"operator/bob", {""}, {}, {}, {}}, "grants[1].names[0]"},
      {{"operator/bob", {"."}, {"p256", "dsa"}, {}, {}}, "grants[1].key_types[1]"},
      {{"operator/bob", {"."}, {}, {"le", "other"}, {}}, "grants[1].cas[1]"},
      {{"operator/bob", {"."}, {}, {}, {std::string(65, 'x')}}, "grants[1].profiles[0]"},
      {{"operator/bob", {"."}, {}, {}, {"a\nb"}}, "grants[1].profiles[0]"},
  };
  for (const auto& row : cases) {
    const auto policy = MakeConfigPolicy(ConfigOf({good, row.row}));
    ASSERT_FALSE(policy.ok()) << row.place;
    EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(policy.status().message().find(row.place), absl::string_view::npos)
        << policy.status();
  }
}

GrantConfig With(const std::string& principal, const std::vector<std::string>& names,
                 bool reuse_never, int per_day = 0, int per_domain = 0) {
  GrantConfig grant;
  grant.set_principal(principal);
  for (const std::string& name : names) grant.add_names(name);
  if (reuse_never) grant.set_reuse(config::v1::REUSE_CONFIG_NEVER);
  if (per_day != 0) grant.mutable_quota()->set_orders_per_day(per_day);
  if (per_domain != 0) grant.mutable_quota()->set_orders_per_domain_per_day(per_domain);
  return grant;
}

IssuerConfig ConfigWith(const std::vector<GrantConfig>& grants) {
  IssuerConfig config = ConfigOf({});
  for (const GrantConfig& grant : grants) *config.add_grants() = grant;
  return config;
}

TEST(Policy, ReuseIsNeverWhereNoOtherGrantAllowsIt) {
  const IssuerConfig config = ConfigWith({
      With("requester/web", {"bank.example.com"}, true),
      With("requester/web", {".example.com"}, false),
      With("requester/web", {"vault.example.org"}, true),
      With("requester/web", {"www.example.org"}, false),
      With("requester/other", {"vault.example.org"}, false),
  });
  const struct {
    std::vector<std::string> names;
    bool never;
  } cases[] = {
      {{"www.example.org"}, false},
      {{"vault.example.org"}, true},
      // One name that needs it is enough.
      {{"www.example.org", "vault.example.org"}, true},
      // Covered by a grant that allows reuse as well; another principal's does not count.
      {{"bank.example.com"}, false},
      {{"bank.example.com", "www.example.org"}, false},
  };
  const auto policy = MakeConfigPolicy(config);
  ASSERT_TRUE(policy.ok()) << policy.status();
  for (const auto& c : cases) {
    const auto decision = (*policy)->Check(Ask("requester/web", c.names));
    ASSERT_TRUE(decision.ok()) << decision.status();
    EXPECT_EQ(decision->reuse_never, c.never) << c.names[0];
  }
}

TEST(Policy, TheHighestQuotaOfThePrincipalsGrantsCounts) {
  const auto policy = MakeConfigPolicy(ConfigWith({
      With("requester/small", {"a.example.com"}, false, 10, 5),
      With("requester/small", {"b.example.com"}, false, 20, 2),
      With("requester/plain", {"a.example.com"}, false),
      With("requester/large", {"a.example.com"}, false, 5000, 0),
      With("requester/large", {"b.example.com"}, false, 1, 1),
  }));
  ASSERT_TRUE(policy.ok()) << policy.status();
  const struct {
    std::string principal;
    Quota quota;
  } cases[] = {
      {"requester/small", {20, 5}},
      {"requester/plain", {300, 50}},
      {"requester/large", {5000, 50}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ((*policy)->Check(Ask(c.principal, {"a.example.com"}))->quota, c.quota) << c.principal;
  }
}

TEST(Policy, ADeniedQuestionNamesTheVersion) {
  const auto policy = MakeConfigPolicy(ConfigOf({}));
  const absl::Status status = (*policy)->Check(Ask("requester/web", {"a.example.com"})).status();
  EXPECT_EQ(ErrorMetadataOf(status).at("policy_version"), "0");
}

TEST(Policy, QuotasOutOfRangeAreRefused) {
  for (const int value : {-1, kMaxQuota + 1}) {
    const auto policy =
        MakeConfigPolicy(ConfigWith({With("requester/web", {"a.example.com"}, false, value)}));
    EXPECT_NE(policy.status().message().find("grants[0].quota.orders_per_day"),
              absl::string_view::npos)
        << policy.status();
  }
}

TEST(Grant, TheNormalFormIsOne) {
  const GrantText spellings[] = {
      {.principal = "requester/web",
       .names = {".Example.COM", "www.example.org.", "=192.0.2.0/24"},
       .key_types = {"p384", "p256"},
       .cas = {"b", "a"},
       .profiles = {"x", ""}},
      {.principal = "requester/web",
       .names = {"=192.0.2.0/24", "www.example.org", ".example.com", ".example.com."},
       .key_types = {"p256", "p384", "p256"},
       .cas = {"a", "b", "b"},
       .profiles = {"", "x", "x"}},
  };
  std::vector<GrantText> normal;
  for (const GrantText& text : spellings) {
    const auto grant = ParseGrant(text, "grants[0]");
    ASSERT_TRUE(grant.ok()) << grant.status();
    normal.push_back(NormalForm(text, *grant));
  }
  EXPECT_EQ(normal[0], normal[1]);
  EXPECT_EQ(normal[0].names[0], ".example.com");
}

}  // namespace
}  // namespace norroy::policy
