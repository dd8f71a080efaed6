// The validator's store on every database.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/error/error.h"
#include "common/sql/database_kinds.h"
#include "gtest/gtest.h"
#include "validator/store/store.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

class ValidatorStoreContract : public testing::TestWithParam<sql::DatabaseKind> {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    database_.reset();
    auto opened = sql::OpenForThisTest(GetParam());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    const absl::Status migrated = sql::Migrate(*database_, Store::Migrations());
    ASSERT_TRUE(migrated.ok()) << migrated;
    store_ = Store::Make(*database_);
  }

  void Invite(const std::string& id, const std::string& name = "web1", bool replace = false) {
    const absl::Status invited = store_->CreateJoinToken(Token(id, name), replace, now_, audit_);
    EXPECT_TRUE(invited.ok()) << invited;
  }

  void Enroll(const std::string& id, const std::string& name = "web1", bool replace = false) {
    Invite(id, name, replace);
    const auto agent = store_->UseJoinToken(id, "key-" + id, now_ + absl::Hours(24), now_, audit_);
    EXPECT_TRUE(agent.ok()) << agent.status();
  }

  JoinToken Token(const std::string& id, const std::string& name) {
    return {.id = id,
            .agent_name = name,
            .key_sha256 = "key-" + id,
            .grants = {{.patterns = *challenge::ParsePatterns({"www.example.com"}),
                        .types = {ChallengeType::kHttp01}}},
            .expire_time = now_ + absl::Hours(1)};
  }

  void Tamper(const std::string& sql) {
    const absl::Status done = database_->Write([&](sql::Connection& connection) {
      return connection.Execute(sql::InWordsOf(GetParam(), sql), {}).status();
    });
    EXPECT_TRUE(done.ok()) << done;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  const audit::Entry audit_ = {
      .principal = "operator/test", .action = "agent.test", .object = "agent/web1"};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(On, ValidatorStoreContract, testing::ValuesIn(sql::TestedKinds()),
                         sql::KindName);

std::string Describe(const std::vector<ChallengeGrant>& grants) {
  std::string text;
  for (const ChallengeGrant& grant : grants) {
    for (const auto& pattern : grant.patterns) absl::StrAppend(&text, pattern.text(), ",");
    for (const auto type : grant.types) {
      absl::StrAppend(&text, challenge::ChallengeTypeName(type), ",");
    }
    absl::StrAppend(&text, grant.responders == Responders::kAll ? "ALL" : "ONE", ";");
  }
  return text;
}

std::vector<std::string> NamesOf(const absl::StatusOr<std::vector<Agent>>& agents) {
  std::vector<std::string> names;
  if (!agents.ok()) return {agents.status().ToString()};
  for (const Agent& agent : *agents) names.push_back(agent.name);
  return names;
}

void Race(int threads, const std::function<void(int)>& work) {
  std::atomic<int> ready = 0;
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : running) thread.join();
}

TEST_P(ValidatorStoreContract, AnAgentIsInvitedThenEnrolled) {
  JoinToken token = Token("t1", "web1");
  token.grants = {
      {.patterns = *challenge::ParsePatterns(
           {"www.example.com", ".shop.example.com", "*.example.com", "=192.0.2.0/24"}),
       .types = {ChallengeType::kTlsAlpn01, ChallengeType::kHttp01},
       .responders = Responders::kAll},
      {.patterns = *challenge::ParsePatterns({".example.org"}),
       .types = {ChallengeType::kDns01},
       .responders = Responders::kOne},
      {},
  };
  ASSERT_TRUE(store_->CreateJoinToken(token, false, now_, audit_).ok());
  auto agent = store_->GetAgent("web1");
  ASSERT_TRUE(agent.ok()) << agent.status();
  EXPECT_EQ(agent->state, AgentState::kInvited);
  EXPECT_EQ(agent->enrollment_id, "t1");
  EXPECT_FALSE(agent->drained);
  EXPECT_EQ(Describe(agent->grants), Describe(token.grants));

  const absl::Time expire = now_ + absl::Hours(24);
  const absl::Time then = now_ + absl::Minutes(1);
  agent = store_->UseJoinToken("t1", "key-t1", expire, then, audit_);
  ASSERT_TRUE(agent.ok()) << agent.status();
  for (const Agent& seen : {*agent, *store_->GetAgent("web1")}) {
    EXPECT_EQ(seen.name, "web1");
    EXPECT_EQ(seen.state, AgentState::kEnrolled);
    EXPECT_EQ(seen.enroll_time, then);
    EXPECT_EQ(seen.identity_expire_time, expire);
    EXPECT_EQ(Describe(seen.grants), Describe(token.grants));
  }
}

TEST_P(ValidatorStoreContract, ATokenIsRefusedForAReason) {
  Enroll("used", "a");
  Invite("fresh", "b");
  Invite("old", "c");
  Invite("removed", "d");
  ASSERT_TRUE(store_->RemoveAgent("d", now_, audit_).ok());
  Invite("replaced", "e");
  Invite("new", "e", true);
  const absl::Time end = now_ + absl::Hours(1);
  struct Case {
    std::string id;
    std::string key;
    absl::Time at;
    absl::StatusCode code;
    std::string reason;
  };
  const Case cases[] = {
      {"nobody", "key", now_, absl::StatusCode::kNotFound, "TOKEN_UNKNOWN"},
      {"", "", now_, absl::StatusCode::kNotFound, "TOKEN_UNKNOWN"},
      {"fresh", "key-used", now_, absl::StatusCode::kPermissionDenied, "TOKEN_KEY"},
      {"fresh", "", now_, absl::StatusCode::kPermissionDenied, "TOKEN_KEY"},
      {"used", "key-used", now_, absl::StatusCode::kFailedPrecondition, "TOKEN_USED"},
      {"used", "another", now_, absl::StatusCode::kPermissionDenied, "TOKEN_KEY"},
      {"used", "key-used", end, absl::StatusCode::kFailedPrecondition, "TOKEN_USED"},
      {"old", "key-old", end, absl::StatusCode::kFailedPrecondition, "TOKEN_EXPIRED"},
      {"removed", "key-removed", now_, absl::StatusCode::kNotFound, "TOKEN_UNKNOWN"},
      {"replaced", "key-replaced", now_, absl::StatusCode::kNotFound, "TOKEN_UNKNOWN"},
      {"fresh", "key-fresh", end - absl::Nanoseconds(1), absl::StatusCode::kOk, ""},
      {"new", "key-new", now_, absl::StatusCode::kOk, ""},
  };
  for (const Case& c : cases) {
    const absl::Status status = store_->UseJoinToken(c.id, c.key, end, c.at, audit_).status();
    EXPECT_EQ(status.code(), c.code) << c.id << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << c.id;
  }
}

TEST_P(ValidatorStoreContract, OneAgentHasANameWhoeverRaces) {
  std::atomic<int> made = 0;
  Race(64, [&](int i) {
    const absl::Status status =
        store_->CreateJoinToken(Token(absl::StrCat("t", i), "web1"), false, now_, audit_);
    if (status.ok()) {
      ++made;
      return;
    }
    EXPECT_EQ(ErrorReason(status), "AGENT_EXISTS") << status;
  });
  EXPECT_EQ(made, 1);
  EXPECT_EQ(store_->ListAgents()->size(), 1u);
}

TEST_P(ValidatorStoreContract, ANameThatIsTakenIsRefusedUnlessReplaced) {
  Enroll("t1");
  const absl::Status taken = store_->CreateJoinToken(Token("t2", "web1"), false, now_, audit_);
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrorReason(taken), "AGENT_EXISTS");
  EXPECT_EQ(ErrorReason(store_->UseJoinToken("t2", "key-t2", now_, now_, audit_).status()),
            "TOKEN_UNKNOWN");
  EXPECT_EQ(store_->GetAgent("web1")->state, AgentState::kEnrolled);

  Invite("t2", "web1", true);
  EXPECT_EQ(store_->GetAgent("web1")->enrollment_id, "t2");
  EXPECT_EQ(store_->GetAgent("web1")->state, AgentState::kInvited);
  Invite("t3", "web2", true);  // nothing to replace
  EXPECT_EQ(NamesOf(store_->ListAgents()), (std::vector<std::string>{"web1", "web2"}));
}

TEST_P(ValidatorStoreContract, ARemovedIdentityNeverComesBack) {
  Enroll("t1");
  ASSERT_TRUE(store_->SetDrained("web1", true, now_, audit_)->drained);
  ASSERT_TRUE(store_->RemoveAgent("web1", now_, audit_).ok());
  EXPECT_TRUE(store_->ListAgents()->empty());
  const absl::Status gone[] = {
      store_->GetAgent("web1").status(),
      store_->SetDrained("web1", false, now_, audit_).status(),
      store_->RemoveAgent("web1", now_, audit_),
      store_->NoteIdentity("web1", "t1", now_ + absl::Hours(48), now_, audit_),
      store_->NoteSeen("web1", "t1", {}),
  };
  for (const absl::Status& status : gone) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  }
  // Not with its token, nor with its enrollment id, nor under the name's next enrollment.
  EXPECT_EQ(ErrorReason(store_->UseJoinToken("t1", "key-t1", now_, now_, audit_).status()),
            "TOKEN_USED");
  EXPECT_EQ(store_->CreateJoinToken(Token("t1", "web1"), false, now_, audit_).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(store_->CreateJoinToken(Token("t1", "web1"), true, now_, audit_).code(),
            absl::StatusCode::kAlreadyExists);
  Enroll("t2");
  EXPECT_EQ(store_->GetAgent("web1")->enrollment_id, "t2");
  EXPECT_FALSE(store_->GetAgent("web1")->drained);
  EXPECT_EQ(ErrorReason(store_->NoteSeen("web1", "t1", {})), "AGENT_REMOVED");
  EXPECT_EQ(ErrorReason(store_->NoteIdentity("web1", "t1", now_, now_, audit_)), "AGENT_REMOVED");
}

TEST_P(ValidatorStoreContract, WhatAnAgentToldIsKept) {
  Enroll("t1");
  Enroll("t2", "web2");
  const AgentReport report = {.version = "1.2.3",
                              .types = {ChallengeType::kHttp01, ChallengeType::kDns01},
                              .scope = {"www.example.com", std::string("\xff\0", 2)},
                              .clock_offset = absl::Milliseconds(-1500) - absl::Nanoseconds(1),
                              .seen_time = now_ + absl::Seconds(3),
                              .presenters = {{.name = "rfc2136 a.example\xff",
                                              .type = ChallengeType::kDns01,
                                              .zones = {"a.example", "b.example"}},
                                             {.name = "webroot"}}};
  ASSERT_TRUE(store_->NoteSeen("web1", "t1", report).ok());
  ASSERT_TRUE(store_->NoteIdentity("web1", "t1", now_ + absl::Hours(72), now_, audit_).ok());
  const auto agent = store_->GetAgent("web1");
  ASSERT_TRUE(agent.ok()) << agent.status();
  EXPECT_EQ(agent->report.version, report.version);
  EXPECT_EQ(agent->report.types, report.types);
  EXPECT_EQ(agent->report.scope, report.scope);
  EXPECT_EQ(agent->report.clock_offset, report.clock_offset);
  EXPECT_EQ(agent->report.seen_time, report.seen_time);
  EXPECT_EQ(agent->report.presenters, report.presenters);
  EXPECT_EQ(agent->identity_expire_time, now_ + absl::Hours(72));
  EXPECT_EQ(store_->GetAgent("web2")->report.version, "");
  for (const absl::Duration offset :
       {absl::InfiniteDuration(), -absl::InfiniteDuration(), absl::Hours(900000)}) {
    ASSERT_TRUE(store_->NoteSeen("web1", "t1", {.clock_offset = offset}).ok());
    EXPECT_EQ(store_->GetAgent("web1")->report.clock_offset, offset);
  }
}

TEST_P(ValidatorStoreContract, AnInvitedAgentSaysNothing) {
  Invite("t1");
  EXPECT_FALSE(store_->NoteSeen("web1", "t1", {}).ok());
  EXPECT_FALSE(store_->NoteIdentity("web1", "t1", now_, now_, audit_).ok());
}

TEST_P(ValidatorStoreContract, DrainingStaysUntilItIsTakenBack) {
  Enroll("t1");
  Enroll("t2", "web2");
  EXPECT_TRUE(store_->SetDrained("web1", true, now_, audit_)->drained);
  EXPECT_TRUE(store_->SetDrained("web1", true, now_, audit_)->drained);
  EXPECT_TRUE(store_->GetAgent("web1")->drained);
  EXPECT_FALSE(store_->GetAgent("web2")->drained);
  EXPECT_FALSE(store_->SetDrained("web1", false, now_, audit_)->drained);
  EXPECT_TRUE(absl::IsNotFound(store_->SetDrained("nobody", true, now_, audit_).status()));
}

TEST_P(ValidatorStoreContract, OfPresentationsTheHighestGenerationStays) {
  struct Case {
    std::string what;
    int64_t generation;
    bool released;
    std::string request;
    bool stored;
  };
  const Case cases[] = {
      {"the first", 2, false, std::string("a\0b", 3), true},
      {"a retry", 2, false, std::string("a\0b", 3), true},
      {"an older one", 1, false, "old", false},
      {"an older release", 1, true, "", false},
      {"a renewal", 3, false, "new", true},
      {"its release", 3, true, "", true},
      {"its release again", 3, true, "", true},
      {"a late present", 3, false, "new", false},
      {"an even later one", 2, false, "old", false},
  };
  std::string last;
  bool released = false;
  for (const Case& c : cases) {
    const absl::Status put = store_->PutPresentation({.id = "p",
                                                      .generation = c.generation,
                                                      .not_after = now_ + absl::Hours(1),
                                                      .released = c.released,
                                                      .request = c.request});
    EXPECT_EQ(put.ok(), c.stored) << c.what << ": " << put;
    if (c.stored) {
      last = c.request;
      released = c.released;
    } else {
      EXPECT_EQ(ErrorReason(put), "STALE_GENERATION") << c.what;
    }
    const auto loaded = store_->LoadPresentations(now_);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    ASSERT_EQ(loaded->size(), 1u);
    EXPECT_EQ(loaded->front().request, last) << c.what;
    EXPECT_EQ(loaded->front().released, released) << c.what;
    EXPECT_EQ(loaded->front().not_after, now_ + absl::Hours(1));
  }
}

TEST_P(ValidatorStoreContract, PresentationsEndByTime) {
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_
                    ->PutPresentation({.id = absl::StrCat("p", i),
                                       .generation = 1,
                                       .not_after = now_ + absl::Minutes(i),
                                       .request = "r"})
                    .ok());
  }
  EXPECT_EQ(store_->LoadPresentations(now_)->size(), 3u);
  EXPECT_EQ(store_->LoadPresentations(now_ + absl::Minutes(2))->size(), 1u);
  ASSERT_TRUE(store_->SweepPresentations(now_ + absl::Minutes(2)).ok());
  const auto left = store_->LoadPresentations(absl::InfinitePast());
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().id, "p3");
}

TEST_P(ValidatorStoreContract, ADamagedRowSaysWhose) {
  Enroll("t1");
  Tamper("UPDATE agents SET grants = x'ffff'");
  const absl::Status status = store_->GetAgent("web1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_EQ(ErrorReason(status), "BAD_RECORD");
  EXPECT_NE(status.message().find("web1"), absl::string_view::npos) << status;
  // It can still be replaced.
  EXPECT_EQ(ErrorReason(store_->CreateJoinToken(Token("t2", "web1"), false, now_, audit_)),
            "AGENT_EXISTS");
  Invite("t2", "web1", true);
  EXPECT_TRUE(store_->GetAgent("web1").ok());
}

TEST_P(ValidatorStoreContract, ARestartFindsEverything) {
  if (!GetParam().durable) GTEST_SKIP() << "lives only as long as its object";
  Enroll("t1");
  Invite("t2", "web2");
  ASSERT_TRUE(
      store_->PutPresentation({.id = "p", .generation = 4, .not_after = now_ + absl::Hours(1)})
          .ok());
  Reopen();
  EXPECT_EQ(store_->GetAgent("web1")->state, AgentState::kEnrolled);
  EXPECT_EQ(ErrorReason(store_->UseJoinToken("t1", "key-t1", now_, now_, audit_).status()),
            "TOKEN_USED");
  EXPECT_TRUE(store_->UseJoinToken("t2", "key-t2", now_, now_, audit_).ok());
  EXPECT_EQ(store_->LoadPresentations(now_)->front().generation, 4);
}

TEST_P(ValidatorStoreContract, ANewerSchemaIsRefused) {
  Tamper("INSERT INTO schema_version (version) VALUES (999)");
  const absl::Status status = sql::Migrate(*database_, Store::Migrations());
  EXPECT_EQ(ErrorReason(status), "NEWER_SCHEMA") << status;
}

// What the audit log says, oldest first: "1 operator/test agent.ban agent/web1 ok".
std::vector<std::string> AuditLines(sql::Database& database) {
  std::vector<std::string> lines;
  const absl::Status read = database.Read([&](sql::Connection& connection) -> absl::Status {
    const auto heads = audit::VerifyChains(connection);
    EXPECT_TRUE(heads.ok()) << heads.status();
    const auto records = audit::List(connection, {}, true, nullptr, 1000);
    if (!records.ok()) return records.status();
    for (const audit::Record& record : *records) {
      lines.push_back(absl::StrCat(record.writer, " ", record.entry.principal, " ",
                                   record.entry.action, " ", record.entry.object, " ",
                                   record.entry.outcome));
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return lines;
}

TEST_P(ValidatorStoreContract, EveryVersionOfGrantsIsKept) {
  Enroll("t1");
  EXPECT_EQ(store_->GetAgent("web1")->grants_version, 1);
  const std::vector<ChallengeGrant> next = {
      {.patterns = *challenge::ParsePatterns({".example.org"}), .types = {ChallengeType::kDns01}}};
  const std::vector<ChallengeGrant> last = {
      {.patterns = *challenge::ParsePatterns({"a.example.net"}), .types = {ChallengeType::kDns01}}};
  const struct {
    const char* what;
    std::string name;
    std::vector<ChallengeGrant> grants;
    int64_t expected_version;
    std::string reason;
    int64_t version;  // afterwards
  } cases[] = {
      {"a version that is not there yet", "web1", next, 2, "VERSION_MISMATCH", 1},
      {"the one that is", "web1", next, 1, "", 2},
      {"by one who has not seen it", "web1", last, 1, "VERSION_MISMATCH", 2},
      {"whichever", "web1", last, 0, "", 3},
      {"of nobody", "nobody", last, 0, "AGENT_NOT_FOUND", 3},
  };
  for (const auto& c : cases) {
    const auto set = store_->SetGrants(c.name, c.grants, c.expected_version, now_, audit_);
    EXPECT_EQ(ErrorReason(set.status()), c.reason) << c.what << ": " << set.status();
    if (set.ok()) {
      EXPECT_EQ(Describe(set->grants), Describe(c.grants)) << c.what;
    }
    EXPECT_EQ(store_->GetAgent("web1")->grants_version, c.version) << c.what;
  }
  Invite("t2", "web1", true);
  EXPECT_EQ(store_->GetAgent("web1")->grants_version, 4);
  const auto versions = store_->ListGrants("web1", INT64_MAX, 100);
  ASSERT_TRUE(versions.ok()) << versions.status();
  ASSERT_EQ(versions->size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ((*versions)[i].version, static_cast<int64_t>(4 - i));
  EXPECT_EQ((*versions)[0].enrollment_id, "t2");
  EXPECT_EQ(Describe((*versions)[1].grants), Describe(last));
  EXPECT_EQ(Describe((*versions)[2].grants), Describe(next));
  EXPECT_EQ((*versions)[3].enrollment_id, "t1");
  EXPECT_EQ((*versions)[3].creator, "operator/test");
  EXPECT_EQ((*versions)[3].create_time, now_);
  EXPECT_EQ(store_->ListGrants("web1", 4, 2)->back().version, 2);
  EXPECT_TRUE(store_->ListGrants("nobody", INT64_MAX, 100)->empty());
}

TEST_P(ValidatorStoreContract, OfThoseWhoHaveSeenAVersionOneSetsTheNext) {
  Enroll("t1");
  std::atomic<int> set = 0;
  Race(32, [&](int i) {
    const auto agent = store_->SetGrants("web1", Token("t", "web1").grants, 1, now_, audit_);
    if (agent.ok()) {
      ++set;
      return;
    }
    EXPECT_EQ(ErrorReason(agent.status()), "VERSION_MISMATCH") << i << agent.status();
  });
  EXPECT_EQ(set, 1);
  EXPECT_EQ(store_->GetAgent("web1")->grants_version, 2);
  EXPECT_EQ(store_->ListGrants("web1", INT64_MAX, 100)->size(), 2u);
}

TEST_P(ValidatorStoreContract, ABannedNameIsOutUntilItIsLifted) {
  const auto ban = [&](const std::string& name, const std::string& reason) {
    return store_->BanName({name, reason, "operator/alice", now_}, audit_);
  };
  Enroll("t1");
  Invite("t2", "web2");
  EXPECT_EQ(ErrorReason(ban("web9", "a slip")), "AGENT_NOT_FOUND");
  EXPECT_EQ(ErrorReason(store_->LiftBan("web1", now_, audit_)), "NOT_BANNED");
  ASSERT_TRUE(ban("web1", "stolen").ok());
  ASSERT_TRUE(ban("web1", "stolen, and seen").ok());
  ASSERT_TRUE(ban("web2", "wrong host").ok());
  ASSERT_TRUE(store_->GetAgent("web1")->ban.has_value());
  EXPECT_EQ(store_->GetAgent("web1")->ban->reason, "stolen, and seen");
  EXPECT_EQ(store_->ListAgents()->at(1).ban->reason, "wrong host");
  EXPECT_EQ(store_->ListBans()->size(), 2u);

  EXPECT_EQ(ErrorReason(store_->NoteSeen("web1", "t1", {})), "AGENT_REMOVED");
  EXPECT_EQ(ErrorReason(store_->NoteIdentity("web1", "t1", now_, now_, audit_)), "AGENT_REMOVED");
  EXPECT_EQ(ErrorReason(store_->NoteDuplicate("web1", "t1", {"a", "b"}, now_, audit_)),
            "AGENT_REMOVED");
  const absl::Status enrolled = store_->UseJoinToken("t2", "key-t2", now_, now_, audit_).status();
  EXPECT_EQ(enrolled.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorReason(enrolled), "AGENT_BANNED");
  for (const bool replace : {false, true}) {
    EXPECT_EQ(ErrorReason(store_->CreateJoinToken(Token("t3", "web1"), replace, now_, audit_)),
              "AGENT_BANNED");
  }
  EXPECT_EQ(store_->GetAgent("web1")->enrollment_id, "t1") << "nothing was replaced";

  // Removed while it is banned: the ban stays, and lifting it brings nothing back.
  ASSERT_TRUE(store_->RemoveAgent("web1", now_, audit_).ok());
  EXPECT_EQ(ErrorReason(store_->CreateJoinToken(Token("t3", "web1"), false, now_, audit_)),
            "AGENT_BANNED");
  ASSERT_TRUE(store_->LiftBan("web1", now_, audit_).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetAgent("web1").status()));
  EXPECT_EQ(ErrorReason(store_->NoteSeen("web1", "t1", {})), "AGENT_REMOVED");
  Enroll("t3");
  // Lifted, an invited agent may come; its token was not used up meanwhile.
  ASSERT_TRUE(store_->LiftBan("web2", now_, audit_).ok());
  EXPECT_TRUE(store_->UseJoinToken("t2", "key-t2", now_, now_, audit_).ok());
  EXPECT_TRUE(store_->ListBans()->empty());
}

TEST_P(ValidatorStoreContract, ADuplicateIsNotedAndEndsWithTheEnrollment) {
  Enroll("t1");
  EXPECT_EQ(store_->GetAgent("web1")->duplicate_time, absl::InfinitePast());
  ASSERT_TRUE(store_->NoteDuplicate("web1", "t1", {"192.0.2.1:1", "[::1]:2"}, now_, audit_).ok());
  EXPECT_EQ(store_->GetAgent("web1")->duplicate_time, now_);
  EXPECT_EQ(store_->GetAgent("web1")->duplicate_peers,
            (std::vector<std::string>{"192.0.2.1:1", "[::1]:2"}));
  Invite("t2", "web1", true);
  EXPECT_EQ(store_->GetAgent("web1")->duplicate_time, absl::InfinitePast());
  EXPECT_TRUE(store_->GetAgent("web1")->duplicate_peers.empty());
}

// Neither is there without the other.
TEST_P(ValidatorStoreContract, ChangesAndTheirAuditEntriesAreOne) {
  const auto entry = [](const std::string& action, const std::string& agent) {
    return audit::Entry{.principal = "operator/a", .action = action, .object = "agent/" + agent};
  };
  struct Case {
    const char* what;
    std::function<absl::Status()> change;
    std::string line;  // empty: it fails, and nothing is written
  };
  const std::vector<ChallengeGrant> grants = Token("t", "web1").grants;
  const Case cases[] = {
      {"invite",
       [&] {
         return store_->CreateJoinToken(Token("t1", "web1"), false, now_, entry("invite", "web1"));
       },
       "invite"},
      {"invite again",
       [&] {
         return store_->CreateJoinToken(Token("t2", "web1"), false, now_, entry("x", "web1"));
       },
       ""},
      {"enroll",
       [&] {
         return store_->UseJoinToken("t1", "key-t1", now_, now_, entry("enroll", "web1")).status();
       },
       "enroll"},
      {"enroll again",
       [&] {
         return store_->UseJoinToken("t1", "key-t1", now_, now_, entry("x", "web1")).status();
       },
       ""},
      {"grants",
       [&] { return store_->SetGrants("web1", grants, 1, now_, entry("set", "web1")).status(); },
       "set"},
      {"an old version's grants",
       [&] { return store_->SetGrants("web1", grants, 1, now_, entry("x", "web1")).status(); }, ""},
      {"drain",
       [&] { return store_->SetDrained("web1", true, now_, entry("drain", "web1")).status(); },
       "drain"},
      {"renew",
       [&] { return store_->NoteIdentity("web1", "t1", now_, now_, entry("renew", "web1")); },
       "renew"},
      {"attach",
       [&] { return store_->NoteSeen("web1", "t1", {.seen_time = now_}, entry("attach", "web1")); },
       "attach"},
      {"attach once more",
       [&] { return store_->NoteSeen("web1", "t1", {.seen_time = now_}, std::nullopt); }, "-"},
      {"duplicate",
       [&] { return store_->NoteDuplicate("web1", "t1", {"a"}, now_, entry("twice", "web1")); },
       "twice"},
      {"ban",
       [&] {
         return store_->BanName({"web1", "r", "p", now_}, entry("ban", "web1"));
       },
       "ban"},
      {"ban nobody",
       [&] {
         return store_->BanName({"web9", "r", "p", now_}, entry("x", "web9"));
       },
       ""},
      {"attach, banned",
       [&] { return store_->NoteSeen("web1", "t1", {.seen_time = now_}, entry("x", "web1")); }, ""},
      {"lift", [&] { return store_->LiftBan("web1", now_, entry("lift", "web1")); }, "lift"},
      {"lift again", [&] { return store_->LiftBan("web1", now_, entry("x", "web1")); }, ""},
      {"remove", [&] { return store_->RemoveAgent("web1", now_, entry("remove", "web1")); },
       "remove"},
      {"remove again", [&] { return store_->RemoveAgent("web1", now_, entry("x", "web1")); }, ""},
      {"drain the removed",
       [&] { return store_->SetDrained("web1", true, now_, entry("x", "web1")).status(); }, ""},
      {"what was refused", [&] { return store_->Audit(entry("refused", "web1"), now_); },
       "refused"},
  };
  std::vector<std::string> expected;
  for (const Case& c : cases) {
    const absl::Status status = c.change();
    EXPECT_EQ(status.ok(), !c.line.empty()) << c.what << ": " << status;
    if (!c.line.empty() && c.line != "-") {
      expected.push_back(absl::StrCat("validator operator/a ", c.line, " agent/web1 ok"));
    }
    EXPECT_EQ(AuditLines(*database_), expected) << c.what;
  }
}

// A database of before grants had versions.
TEST_P(ValidatorStoreContract, AgentsOfBeforeGetAFirstVersion) {
  store_.reset();
  auto opened = GetParam().open(absl::StrCat("before-", GetParam().name));
  ASSERT_TRUE(opened.ok()) << opened.status();
  database_ = *std::move(opened);
  const std::vector<sql::Migration>& all = Store::Migrations();
  ASSERT_TRUE(sql::Migrate(*database_, {all.begin(), all.begin() + 3}).ok());
  for (const char* row : {"('e1', 'web1', 2, 1)", "('e2', 'web1', 1, 2)", "('e3', 'web2', 0, 1)"}) {
    Tamper(
        absl::StrCat("INSERT INTO agents (enrollment_id, name, state, create_time, drained, "
                     "grants, report, seen_time, enroll_time, identity_expire_time, "
                     "remove_time) SELECT v.*, 0, x'', x'', 0, 0, 0, 0 FROM (VALUES ",
                     row, ") AS v"));
  }
  const absl::Status migrated = sql::Migrate(*database_, all);
  ASSERT_TRUE(migrated.ok()) << migrated;
  store_ = Store::Make(*database_);
  EXPECT_EQ(store_->GetAgent("web1")->grants_version, 2);
  EXPECT_EQ(store_->GetAgent("web2")->grants_version, 1);
  EXPECT_EQ(store_->ListGrants("web1", INT64_MAX, 10)->size(), 2u);
  EXPECT_EQ(store_->ListGrants("web1", INT64_MAX, 10)->back().enrollment_id, "e1");
}

}  // namespace
}  // namespace norroy::validator
