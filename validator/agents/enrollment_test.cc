#include "validator/agents/enrollment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/audit/chain.h"
#include "common/clock/clock.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/verifying.h"
#include "validator/agents/test_fleet.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;
using crypto::KeyType;
using crypto::PrivateKey;

const absl::Time kNow = absl::FromUnixSeconds(1767225600);

class EnrollmentTest : public testing::Test {
 protected:
  EnrollmentTest()
      : edge_root_(*identity::MakeRoot("edge", "test", kNow, absl::Hours(1000))),
        enrollment_({fleet_.store(), clock_, random_, "test",
                     *identity::MakeIntermediate(edge_root_, "edge v1", "edge.test", kNow,
                                                 absl::Hours(900)),
                     absl::Hours(168), [this](const std::string& agent) {
                       changed_.push_back(agent);
                       return fleet_.registry().Reload(agent);
                     }}) {}

  static std::string CsrOf(const PrivateKey& key) { return *crypto::BuildCsr(key, {}); }

  JoinTokenOrder Order(const std::string& name) {
    return {name,
            {GrantOf({".example.com"}, {ChallengeType::kHttp01})},
            CsrOf(bootstrap_key_),
            std::nullopt,
            false};
  }

  // The identity that the chain proves, under the edge root.
  absl::StatusOr<identity::Identity> Verify(const IssuedIdentity& issued) {
    std::vector<crypto::Certificate> chain;
    for (const std::string& der : issued.chain) {
      chain.push_back(*crypto::Certificate::ParseDer(der));
    }
    return identity::VerifyIdentity(chain, edge_root_.certificate, "test", clock_.Now());
  }

  SimulatedClock clock_{kNow};
  const audit::Entry origin_ = {.principal = "operator/alice",
                                .action = "",
                                .object = "",
                                .peer = "192.0.2.7:51000",
                                .trace_id = "0123456789abcdef0123456789abcdef"};
  crypto::SystemRandom random_;
  TestFleet fleet_{kNow};
  identity::Authority edge_root_;
  std::vector<std::string> changed_;
  PrivateKey bootstrap_key_ = *PrivateKey::Generate(KeyType::kP256);
  PrivateKey agent_key_ = *PrivateKey::Generate(KeyType::kP256);
  Enrollment enrollment_;
};

TEST_F(EnrollmentTest, FromTokenToAgentToRenewal) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->expire_time, kNow + kDefaultTokenLifetime);
  const auto bootstrap = Verify(*token);
  ASSERT_TRUE(bootstrap.ok()) << bootstrap.status();
  EXPECT_EQ(bootstrap->Principal(), "bootstrap/web1");
  EXPECT_EQ(fleet_.store().GetAgent("web1")->state, AgentState::kInvited);
  EXPECT_TRUE(fleet_.registry().Admit(*bootstrap).ok());

  const auto enrolled = enrollment_.Enroll(*bootstrap, bootstrap_key_.public_key().spki_sha256(),
                                           CsrOf(agent_key_), origin_);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  const auto agent = Verify(*enrolled);
  ASSERT_TRUE(agent.ok()) << agent.status();
  EXPECT_EQ(agent->Principal(), "agent/web1");
  EXPECT_EQ(agent->enrollment_id, bootstrap->enrollment_id);
  EXPECT_EQ(enrolled->expire_time, kNow + absl::Hours(168));
  EXPECT_TRUE(fleet_.registry().Admit(*agent).ok());
  EXPECT_EQ(fleet_.store().GetAgent("web1")->identity_expire_time, enrolled->expire_time);

  clock_.Advance(absl::Hours(84));
  const PrivateKey next_key = *PrivateKey::Generate(KeyType::kP256);
  const auto renewed = enrollment_.Renew(*agent, CsrOf(next_key), origin_);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(*Verify(*renewed), *agent);
  EXPECT_EQ(renewed->expire_time, kNow + absl::Hours(84 + 168));
  EXPECT_EQ(fleet_.store().GetAgent("web1")->identity_expire_time, renewed->expire_time);
  EXPECT_EQ(changed_, (std::vector<std::string>{"web1", "web1", "web1"}));
}

TEST_F(EnrollmentTest, NamesInACsrAreIgnored) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  const std::string csr =
      *crypto::BuildCsr(agent_key_, {*challenge::Name::Parse("evil.example.com")});
  const auto enrolled =
      enrollment_.Enroll(token->identity, bootstrap_key_.public_key().spki_sha256(), csr, origin_);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  const auto leaf = crypto::Certificate::ParseDer(enrolled->chain[0]);
  EXPECT_TRUE(leaf->names().empty());
  EXPECT_EQ(leaf->uris(), (std::vector<std::string>{enrolled->identity.Uri()}));
}

TEST_F(EnrollmentTest, BadOrdersAreRefused) {
  const auto http = GrantOf({".example.com"}, {ChallengeType::kHttp01});
  struct Case {
    const char* what;
    std::function<void(JoinTokenOrder&)> change;
    const char* error;  // part of the message
  };
  const std::vector<Case> cases = {
      {"name", [](auto& o) { o.agent_name = "Web 1"; }, "agent name"},
      {"no grants", [](auto& o) { o.grants.clear(); }, "1 to 20"},
      {"too many grants", [&](auto& o) { o.grants.assign(21, http); }, "1 to 20"},
      {"no patterns", [](auto& o) { o.grants[0].patterns.clear(); }, "grants[0]: 0 patterns"},
      {"too many patterns",
       [](auto& o) {
         o.grants[0].patterns.assign(101, *challenge::Pattern::Parse("a.example.com"));
       },
       "101 patterns"},
      {"universal", [](auto& o) { o.grants[0].patterns = {*challenge::Pattern::Parse(".")}; },
       "not for all"},
      {"no types", [](auto& o) { o.grants[0].types.clear(); }, "no challenge type"},
      {"a type twice",
       [](auto& o) {
         o.grants[0].types = {ChallengeType::kDns01, ChallengeType::kDns01};
       },
       "twice"},
      {"too short", [](auto& o) { o.expire_time = kNow + absl::Seconds(59); }, "expire_time"},
      {"too long", [](auto& o) { o.expire_time = kNow + absl::Hours(169); }, "expire_time"},
      {"in the past", [](auto& o) { o.expire_time = kNow - absl::Hours(1); }, "expire_time"},
      {"no CSR", [](auto& o) { o.csr_der.clear(); }, ""},
      {"another key type",
       [](auto& o) { o.csr_der = CsrOf(*PrivateKey::Generate(KeyType::kP384)); }, ""},
  };
  for (const Case& c : cases) {
    JoinTokenOrder order = Order("web1");
    c.change(order);
    const auto token = enrollment_.CreateJoinToken(order, origin_);
    ASSERT_FALSE(token.ok()) << c.what;
    EXPECT_EQ(token.status().code(), absl::StatusCode::kInvalidArgument) << token.status();
    EXPECT_NE(std::string(token.status().message()).find(c.error), std::string::npos)
        << c.what << ": " << token.status();
  }
  EXPECT_TRUE(fleet_.store().ListAgents()->empty());
  for (const absl::Duration lifetime : {kMinTokenLifetime, kMaxTokenLifetime}) {
    JoinTokenOrder order = Order(absl::StrCat("web", absl::ToInt64Minutes(lifetime)));
    order.expire_time = kNow + lifetime;
    EXPECT_TRUE(enrollment_.CreateJoinToken(order, origin_).ok()) << lifetime;
  }
}

TEST_F(EnrollmentTest, ATokenIsForItsKeyItsTimeAndOnce) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  const std::string key = bootstrap_key_.public_key().spki_sha256();
  const auto enroll = [&](const std::string& key_sha256, const std::string& csr) {
    return enrollment_.Enroll(token->identity, key_sha256, csr, origin_).status();
  };
  // A refused CSR leaves the token unused.
  EXPECT_EQ(enroll(key, "x").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(enroll(std::string(64, '0'), CsrOf(agent_key_))), "TOKEN_KEY");
  EXPECT_TRUE(enroll(key, CsrOf(agent_key_)).ok());
  EXPECT_EQ(ErrorReason(enroll(key, CsrOf(agent_key_))), "TOKEN_USED");

  const auto late = enrollment_.CreateJoinToken(Order("web2"), origin_);
  ASSERT_TRUE(late.ok());
  clock_.Advance(kDefaultTokenLifetime + absl::Seconds(1));
  EXPECT_EQ(
      ErrorReason(enrollment_.Enroll(late->identity, key, CsrOf(agent_key_), origin_).status()),
      "TOKEN_EXPIRED");
}

TEST_F(EnrollmentTest, OnlyReplaceTakesANameOver) {
  ASSERT_TRUE(enrollment_.CreateJoinToken(Order("web1"), origin_).ok());
  JoinTokenOrder again = Order("web1");
  EXPECT_EQ(ErrorReason(enrollment_.CreateJoinToken(again, origin_).status()), "AGENT_EXISTS");
  again.replace = true;
  EXPECT_TRUE(enrollment_.CreateJoinToken(again, origin_).ok());
}

// SPIRE's race (1.14.6): concurrent attestations with one token all succeeded.
TEST_F(EnrollmentTest, ARaceHasOneWinner) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      const PrivateKey key = *PrivateKey::Generate(KeyType::kP256);
      const auto enrolled = enrollment_.Enroll(
          token->identity, bootstrap_key_.public_key().spki_sha256(), CsrOf(key), origin_);
      if (enrolled.ok()) ++won;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

// What the audit log says, oldest first: "agent/web1 agent.enroll agent/web1 ok: ...".
std::vector<std::string> AuditLines(sql::Database& database) {
  std::vector<std::string> lines;
  const absl::Status read = database.Read([&](sql::Connection& connection) -> absl::Status {
    const auto records = audit::List(connection, {}, true, nullptr, 1000);
    if (!records.ok()) return records.status();
    for (const audit::Record& record : *records) {
      const audit::Entry& entry = record.entry;
      EXPECT_EQ(entry.peer, "192.0.2.7:51000");
      EXPECT_EQ(entry.trace_id, "0123456789abcdef0123456789abcdef");
      EXPECT_GE(entry.time, kNow);
      lines.push_back(absl::StrCat(entry.principal, " ", entry.action, " ", entry.object, " ",
                                   entry.outcome, ": ", entry.detail));
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return lines;
}

TEST_F(EnrollmentTest, WhatIsDoneAndWhatIsRefusedIsAudited) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  const std::string id = token->identity.enrollment_id;
  EXPECT_FALSE(enrollment_.CreateJoinToken(Order("web1"), origin_).ok());
  audit::Entry by_host = origin_;
  by_host.principal = "bootstrap/web1";
  const auto enroll = [&](absl::string_view key) {
    return enrollment_.Enroll(token->identity, key, CsrOf(agent_key_), by_host);
  };
  EXPECT_FALSE(enroll("another key").ok());
  const std::string key = bootstrap_key_.public_key().spki_sha256();
  const auto enrolled = enroll(key);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  EXPECT_FALSE(enroll(key).ok());
  by_host.principal = "agent/web1";
  EXPECT_TRUE(enrollment_.Renew(enrolled->identity, CsrOf(agent_key_), by_host).ok());
  EXPECT_FALSE(enrollment_.Renew(enrolled->identity, "no CSR", by_host).ok());
  ASSERT_TRUE(fleet_.store()
                  .BanName({"web1", "stolen", "operator/alice", kNow},
                           [&] {
                             audit::Entry entry = origin_;
                             entry.action = "agent.ban";
                             entry.object = "agent/web1";
                             return entry;
                           }())
                  .ok());
  EXPECT_FALSE(enrollment_.Renew(enrolled->identity, CsrOf(agent_key_), by_host).ok());
  const std::vector<std::string> lines = AuditLines(fleet_.database());
  ASSERT_EQ(lines.size(), 9u) << absl::StrJoin(lines, "\n");
  EXPECT_EQ(lines[0], "operator/alice agent.invite agent/web1 ok: enrollment " + id +
                          "; until 2026-01-01T01:00:00+00:00; may answer .example.com by http-01, "
                          "all");
  EXPECT_TRUE(absl::StartsWith(lines[1], "operator/alice agent.invite agent/web1 denied: "));
  EXPECT_TRUE(absl::EndsWith(lines[1], "; AGENT_EXISTS")) << lines[1];
  EXPECT_EQ(lines[2],
            "bootstrap/web1 agent.enroll agent/web1 denied: enrollment " + id + "; TOKEN_KEY");
  EXPECT_EQ(lines[3], "bootstrap/web1 agent.enroll agent/web1 ok: enrollment " + id);
  EXPECT_EQ(lines[4],
            "bootstrap/web1 agent.enroll agent/web1 denied: enrollment " + id + "; TOKEN_USED");
  EXPECT_EQ(lines[5], "agent/web1 agent.renew agent/web1 ok: enrollment " + id);
  EXPECT_EQ(lines[6], "agent/web1 agent.renew agent/web1 denied: enrollment " + id + "; BAD_CSR");
  EXPECT_EQ(lines[8],
            "agent/web1 agent.renew agent/web1 denied: enrollment " + id + "; AGENT_REMOVED");
  // Whoever tries again and again does not fill the log.
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(enroll(key).ok());
  EXPECT_EQ(AuditLines(fleet_.database()).size(), 9u + kAuditLinesPerHour - 2);
}

TEST_F(EnrollmentTest, ABannedNameIsNotInvitedNorEnrolled) {
  const auto token = enrollment_.CreateJoinToken(Order("web1"), origin_);
  ASSERT_TRUE(token.ok()) << token.status();
  const audit::Entry entry = TestFleet::AuditOf("agent.ban", "web1");
  ASSERT_TRUE(fleet_.store().BanName({"web1", "stolen", "operator/a", kNow}, entry).ok());
  const std::string key = bootstrap_key_.public_key().spki_sha256();
  EXPECT_EQ(
      ErrorReason(enrollment_.Enroll(token->identity, key, CsrOf(agent_key_), origin_).status()),
      "AGENT_BANNED");
  JoinTokenOrder again = Order("web1");
  again.replace = true;
  EXPECT_EQ(ErrorReason(enrollment_.CreateJoinToken(again, origin_).status()), "AGENT_BANNED");
  ASSERT_TRUE(fleet_.store().LiftBan("web1", kNow, entry).ok());
  EXPECT_TRUE(enrollment_.Enroll(token->identity, key, CsrOf(agent_key_), origin_).ok());
}

// Whose certificate it becomes is decided by who calls, not by what the CSR says.
TEST_F(EnrollmentTest, ARenewalIsOfTheCallerAlone) {
  const std::string key = bootstrap_key_.public_key().spki_sha256();
  const auto enrolled = [&](const std::string& name) {
    const auto token = enrollment_.CreateJoinToken(Order(name), origin_);
    EXPECT_TRUE(token.ok()) << token.status();
    return enrollment_.Enroll(token->identity, key, CsrOf(agent_key_), origin_)->identity;
  };
  const identity::Identity web1 = enrolled("web1");
  const identity::Identity web2 = enrolled("web2");
  const PrivateKey other_key = *PrivateKey::Generate(KeyType::kP256);
  const std::string csr =
      *crypto::BuildCsr(other_key, {*challenge::Name::Parse("web2.example.com")});
  const auto renewed = enrollment_.Renew(web1, csr, origin_);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(*Verify(*renewed), web1);
  // A CSR whose key the sender does not hold.
  std::string unsigned_csr = csr;
  unsigned_csr.back() = static_cast<char>(unsigned_csr.back() ^ 1);
  EXPECT_EQ(ErrorReason(enrollment_.Renew(web1, unsigned_csr, origin_).status()), "BAD_CSR");
  // Nor an enrollment that is another's, or over.
  identity::Identity mixed = web1;
  mixed.enrollment_id = web2.enrollment_id;
  EXPECT_EQ(ErrorReason(enrollment_.Renew(mixed, csr, origin_).status()), "AGENT_REMOVED");
}

}  // namespace
}  // namespace norroy::validator
