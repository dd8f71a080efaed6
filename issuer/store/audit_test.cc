// The audit: what is in it, and that it shows every change of it.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

TEST_P(StoreContract, EveryMoveThatMattersIsAudited) {
  flow::Order order = NewOrder("a", now_);
  order.request_id = "r";
  Create(order);
  Create(order);  // a retry: nothing new
  const AuditEntry finalize = {.principal = "requester/ci",
                               .action = "order.finalize",
                               .object = "order/a",
                               .detail = "key=k1"};
  ASSERT_TRUE(store_
                  ->ChangeOrder(
                      "a", true,
                      [&](flow::Order& changed) {
                        changed.update_time = now_ + absl::Seconds(5);
                        return absl::OkStatus();
                      },
                      finalize)
                  .ok());
  const Leased leased = Take("a");
  ASSERT_TRUE(
      store_->FinishOrder(leased.order, leased.lease, NewCertificate("cert", order, now_)).ok());
  ASSERT_TRUE(store_->AddReader("cert", "requester/ci", {.action = "certificate.read"}).ok());
  ASSERT_TRUE(store_->NoteRevoked("cert", 1, now_, {.action = "certificate.revoke"}).ok());
  ASSERT_TRUE(store_->PutAccount({.ca = "letsencrypt", .create_time = now_}).ok());
  ASSERT_TRUE(store_->Audit({.action = "started"}, now_).ok());

  const char* const actions[] = {"order.create",      "order.finalize",   "order.done",
                                 "certificate.issue", "certificate.read", "certificate.revoke",
                                 "account.put",       "started"};
  int seq = 0;
  for (const char* action : actions) {
    ++seq;
    EXPECT_EQ(Count(absl::StrCat("SELECT COUNT(*) FROM audit WHERE writer = 'issuer' AND seq = ",
                                 seq, " AND action = '", action, "' AND time > 0")),
              1)
        << action;
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), seq);
  EXPECT_EQ(Count("SELECT time FROM audit WHERE seq = 2"),
            sql::TimeColumn(now_ + absl::Seconds(5)));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE seq = 2 AND principal = 'requester/ci' "
                  "AND object = 'order/a' AND detail = 'key=k1'"),
            1);
  const auto heads = store_->VerifyAudit();
  ASSERT_TRUE(heads.ok()) << heads.status();
  ASSERT_EQ(heads->size(), 1u);
  EXPECT_EQ(heads->front().seq, seq);
  EXPECT_EQ(heads->front().hash.size(), 64u);
}

// The history of an order: each state that it was stored in, and each problem, once.
TEST_P(StoreContract, StatesAndProblemsOfAnOrderAreAudited) {
  flow::Order order = NewOrder("a", now_);
  order.policy_version = 7;
  order.request_id = "r";
  Create(order);
  Leased leased = Take("a");
  const auto save = [&] {
    leased.order.update_time += absl::Seconds(1);
    ASSERT_TRUE(store_->SaveOrder(leased.order, leased.lease, false).ok());
  };
  save();  // nothing to tell
  leased.order.state = flow::State::kOrdering;
  save();
  leased.order.due_time += absl::Seconds(9);
  save();
  leased.order.error = flow::OrderError::Of(
      MakeError(absl::StatusCode::kUnavailable, "CA_UNREACHABLE", "no answer from the CA"));
  save();
  leased.order.attempt = 2;
  save();  // the same problem
  leased.order.error.reset();
  leased.order.state = flow::State::kValidating;
  leased.order.ca_order_url = "https://ca.example/order/1";
  leased.order.progress = {{.name = leased.order.names[0]}};
  save();
  leased.order.progress[0].error = flow::OrderError::Of(
      MakeError(absl::StatusCode::kFailedPrecondition, "VALIDATION_FAILED", "404"));
  leased.order.ending = flow::State::kFailed;
  leased.order.state = flow::State::kGivingUp;
  save();
  leased.order.state = flow::State::kFailed;
  save();

  struct Case {
    const char* action;
    const char* outcome;
    const char* says;
  };
  const Case cases[] = {
      {"order.create", "ok", ""},
      {"order.ordering", "ok", "after queued"},
      {"order.problem", "failed", "while ordering: CA_UNREACHABLE (no answer from the CA)"},
      {"order.validating", "ok", "after ordering ca_order=https://ca.example/order/1"},
      {"order.giving_up", "failed", "www.example.com: VALIDATION_FAILED (404)"},
      {"order.failed", "failed", "after giving_up"},
  };
  int seq = 0;
  for (const Case& c : cases) {
    ++seq;
    EXPECT_EQ(Count(absl::StrCat("SELECT COUNT(*) FROM audit WHERE seq = ", seq, " AND action = '",
                                 c.action, "' AND outcome = '", c.outcome, "' AND detail LIKE '%",
                                 c.says, "%' AND object = 'order/a' AND request_id = 'r'")),
              1)
        << c.action;
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), seq);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit WHERE principal = 'issuer' AND policy_version = 7"),
            5);
}

// Somebody who lost the lease changes nothing, and tells nothing.
TEST_P(StoreContract, ASaveThatIsRefusedIsNotAudited) {
  Create(NewOrder("a", now_));
  Leased leased = Take("a");
  leased.lease.token += 1;
  leased.order.state = flow::State::kOrdering;
  EXPECT_EQ(ErrorReason(store_->SaveOrder(leased.order, leased.lease, false)), "LEASE_LOST");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM audit"), 1);
}

TEST_P(StoreContract, EachWriterHasItsOwnChain) {
  EXPECT_TRUE(store_->VerifyAudit()->empty());
  const auto other = Store::Make(*database_, "issuer-2");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store_->Audit({.action = absl::StrCat("a", i)}, now_).ok());
    ASSERT_TRUE(other->Audit({.action = absl::StrCat("b", i), .time = now_}, now_).ok());
  }
  ASSERT_TRUE(other->Audit({.action = "last"}, now_).ok());
  const auto heads = store_->VerifyAudit();
  ASSERT_TRUE(heads.ok()) << heads.status();
  ASSERT_EQ(heads->size(), 2u);
  EXPECT_EQ((*heads)[0].seq, 3);
  EXPECT_EQ((*heads)[1].writer, "issuer-2");
  EXPECT_EQ((*heads)[1].seq, 4);
}

TEST_P(StoreContract, TamperingWithTheAuditShows) {
  struct Case {
    std::string sql;
    std::string seq;  // of the first entry that is wrong
  };
  const Case cases[] = {
      {"UPDATE audit SET detail = 'nothing' WHERE seq = 700", "700"},
      {"UPDATE audit SET principal = 'operator/bob' WHERE seq = 1", "1"},
      {"UPDATE audit SET time = time + 1 WHERE seq = 1500", "1500"},
      {"UPDATE audit SET action = action || object, object = '' WHERE seq = 3", "3"},
      {"UPDATE audit SET hash = x'00' WHERE seq = 2", "2"},
      {"UPDATE audit SET prev_hash = x'' WHERE seq = 1", "1"},
      {"DELETE FROM audit WHERE seq = 1000", "1000"},
      {"DELETE FROM audit WHERE seq = 1", "1"},
      {"UPDATE audit SET seq = 0 WHERE seq = 1", "1"},
      {"INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash) "
       "SELECT writer, 0, time, principal, action, object, detail, prev_hash, hash FROM audit "
       "WHERE seq = 1",
       "1"},
      {"INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash) "
       "SELECT writer, 1502, time, principal, action, object, detail, prev_hash, hash FROM audit "
       "WHERE seq = 1501",
       "1502"},
  };
  // More than one page of the verification.
  for (int i = 0; i < 1501; ++i) {
    ASSERT_TRUE(store_
                    ->Audit({.principal = "operator/alice",
                             .action = "order.create",
                             .object = absl::StrCat("order/", i),
                             .detail = "names=www.example.com"},
                            now_)
                    .ok());
  }
  ASSERT_TRUE(store_->VerifyAudit().ok());
  Tamper("CREATE TABLE untouched AS SELECT * FROM audit");
  for (const Case& c : cases) {
    Tamper(c.sql);
    const absl::Status status = store_->VerifyAudit().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.sql;
    EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << c.sql;
    EXPECT_EQ(ErrorMetadataOf(status)["seq"], c.seq) << c.sql;
    Tamper("DELETE FROM audit");
    Tamper("INSERT INTO audit SELECT * FROM untouched");
  }
  EXPECT_TRUE(store_->VerifyAudit().ok());
  // Cut off at the end: only a head kept elsewhere shows it.
  const auto kept = store_->VerifyAudit();
  Tamper("DELETE FROM audit WHERE seq > 1400");
  const auto cut = store_->VerifyAudit();
  ASSERT_TRUE(cut.ok());
  EXPECT_NE(cut->front().hash, kept->front().hash);
}

}  // namespace
}  // namespace norroy::store
