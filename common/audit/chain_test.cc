// Chains in each kind of database: what is appended, listed, and found to be wrong.

#include "common/audit/chain.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/audit/checkpoints.h"
#include "common/audit/test_signer.h"
#include "common/error/error.h"
#include "common/sql/database_kinds.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"

namespace norroy::audit {
namespace {

class ChainTest : public ::testing::TestWithParam<sql::DatabaseKind> {
 protected:
  void SetUp() override {
    database_ = sql::OpenForThisTest(GetParam()).value();
    ASSERT_TRUE(sql::Migrate(*database_, {{1, kTable}}).ok());
  }
  void MigrateToOrigin() {
    ASSERT_TRUE(sql::Migrate(*database_, {{1, kTable}, {2, kTableOrigin}}).ok());
  }
  void Append(const std::string& writer, const Entry& entry, absl::Time time = kTestNow) {
    const Chain chain(writer);
    ASSERT_TRUE(
        database_->Write([&](sql::Connection& c) { return chain.Append(c, entry, time); }).ok());
  }
  void AppendMany(const std::string& writer, int count) {
    const Chain chain(writer);
    ASSERT_TRUE(database_
                    ->Write([&](sql::Connection& c) {
                      absl::Status status;
                      for (int i = 1; i <= count && status.ok(); ++i) {
                        status = chain.Append(
                            c,
                            {.principal = absl::StrCat("operator/", i % 2 == 0 ? "alice" : "bob"),
                             .action = i % 3 == 0 ? "agent.ban" : "order.create",
                             .object = absl::StrCat("order/", i)},
                            kTestNow + absl::Seconds(i));
                      }
                      return status;
                    })
                    .ok());
  }
  absl::StatusOr<std::vector<Head>> Verify() {
    return sql::ReadFor<std::vector<Head>>(*database_, VerifyChains);
  }
  void Tamper(const std::string& sql) {
    ASSERT_TRUE(database_
                    ->Write([&](sql::Connection& c) {
                      return c.Execute(sql::InWordsOf(GetParam(), sql), {}).status();
                    })
                    .ok())
        << sql;
  }
  std::vector<Record> List(const Filter& filter, bool oldest_first, const Place* from = nullptr,
                           int limit = 1000) {
    return sql::ReadFor<std::vector<Record>>(*database_,
                                             [&](sql::Connection& c) {
                                               return audit::List(c, filter, oldest_first, from,
                                                                  limit);
                                             })
        .value();
  }

  std::unique_ptr<sql::Database> database_;
};

TEST_P(ChainTest, FindsEveryKindOfTampering) {
  MigrateToOrigin();
  AppendMany("issuer/main", 1201);  // more than one page of the verification
  AppendMany("issuer/two", 5);
  struct Case {
    std::string sql;
    std::string writer;
    std::string seq;  // of the first entry that is wrong
  };
  const char kOther[] = "issuer/two";
  const char kMain[] = "issuer/main";
  const std::string columns =
      "time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, "
      "policy_version, request_id, trace_id";
  const Case cases[] = {
      {"UPDATE audit SET time = time + 1 WHERE writer = 'issuer/two' AND seq = 2", kOther, "2"},
      {"UPDATE audit SET principal = 'x' WHERE writer = 'issuer/two' AND seq = 1", kOther, "1"},
      {"UPDATE audit SET action = 'x' WHERE writer = 'issuer/main' AND seq = 1100", kMain, "1100"},
      {"UPDATE audit SET object = 'x' WHERE writer = 'issuer/two' AND seq = 3", kOther, "3"},
      {"UPDATE audit SET detail = 'x' WHERE writer = 'issuer/two' AND seq = 5", kOther, "5"},
      {"UPDATE audit SET peer = 'x' WHERE writer = 'issuer/two' AND seq = 5", kOther, "5"},
      {"UPDATE audit SET outcome = 'denied' WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET policy_version = 9 WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET request_id = 'x' WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET trace_id = 'x' WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET format = 1 WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET prev_hash = x'00' WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      {"UPDATE audit SET hash = x'00' WHERE writer = 'issuer/two' AND seq = 4", kOther, "4"},
      // A field's bytes moved over to the next.
      {"UPDATE audit SET action = action || object, object = '' WHERE writer = 'issuer/two' AND "
       "seq = 2",
       kOther, "2"},
      // Dropped, at the front and in the middle.
      {"DELETE FROM audit WHERE writer = 'issuer/two' AND seq = 1", kOther, "1"},
      {"DELETE FROM audit WHERE writer = 'issuer/main' AND seq = 1000", kMain, "1000"},
      // Put in between, before the first, and at the end.
      {"UPDATE audit SET seq = -seq WHERE writer = 'issuer/two' AND seq > 3", kOther, "1"},
      {"INSERT INTO audit (writer, seq, " + columns + ") SELECT writer, 0, " + columns +
           " FROM audit WHERE writer = 'issuer/two' AND seq = 1",
       kOther, "1"},
      {"INSERT INTO audit (writer, seq, " + columns + ") SELECT writer, 6, " + columns +
           " FROM audit WHERE writer = 'issuer/two' AND seq = 5",
       kOther, "6"},
      // Moved to another writer.
      {"INSERT INTO audit (writer, seq, " + columns + ") SELECT 'issuer/two', seq, " + columns +
           " FROM audit WHERE writer = 'issuer/main' AND seq = 6",
       kOther, "6"},
      {"UPDATE audit SET writer = 'issuer/zero' WHERE writer = 'issuer/two' AND seq = 1", kOther,
       "1"},
      {"UPDATE audit SET writer = 'issuer/zero' WHERE writer = 'issuer/two'", "issuer/zero", "1"},
  };
  ASSERT_TRUE(Verify().ok());
  Tamper("CREATE TABLE untouched AS SELECT * FROM audit");
  for (const Case& c : cases) {
    Tamper(c.sql);
    const absl::Status status = Verify().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.sql;
    EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << c.sql;
    ErrorMetadata where = ErrorMetadataOf(status);
    EXPECT_EQ(where["writer"], c.writer) << c.sql << "\n" << status;
    EXPECT_EQ(where["seq"], c.seq) << c.sql << "\n" << status;
    Tamper("DELETE FROM audit");
    Tamper("INSERT INTO audit SELECT * FROM untouched");
  }
  EXPECT_TRUE(Verify().ok());
}

TEST_P(ChainTest, EntriesThatChangedPlacesAreFound) {
  MigrateToOrigin();
  AppendMany("issuer/main", 5);
  Tamper("UPDATE audit SET seq = 100 WHERE seq = 2");
  Tamper("UPDATE audit SET seq = 2 WHERE seq = 3");
  Tamper("UPDATE audit SET seq = 3 WHERE seq = 100");
  EXPECT_EQ(ErrorMetadataOf(Verify().status())["seq"], "2");
}

// A head that was kept shows what was cut off a chain's end, or written anew with good hashes.
TEST_P(ChainTest, KeptCheckpointsShowWhatWasCutOff) {
  MigrateToOrigin();
  AppendMany("issuer/main", 5);
  const TestSigner deployment;
  const auto signer = deployment.Issue(types::v1::ROLE_ISSUER, "main");
  const auto sign = [&](absl::Time now) {
    return sql::WriteFor<Checkpoint>(
               *database_, [&](sql::Connection& c) { return SignHeads(c, "test", signer, now); })
        .value();
  };
  const Checkpoint first = sign(kTestNow);
  EXPECT_EQ(sign(kTestNow + absl::Minutes(5)), first);  // nothing moved
  Append("issuer/main", {.principal = "p", .action = "a", .object = "o"});
  const Checkpoint second = sign(kTestNow + absl::Minutes(5));
  const auto kept = sql::ReadFor<std::vector<KeptCheckpoint>>(
      *database_, [](sql::Connection& c) { return ListCheckpoints(c, 0, 10); });
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_EQ((*kept)[0].checkpoint, first);
  EXPECT_EQ((*kept)[1].checkpoint, second);
  Series series(deployment.trust());
  EXPECT_TRUE(series.Add(first).ok());
  EXPECT_TRUE(series.Add(second).ok());
  EXPECT_TRUE(database_->Read(CompareWithCheckpoints).ok());

  Tamper("DELETE FROM audit WHERE seq = 6");
  EXPECT_TRUE(Verify().ok());
  absl::Status status = database_->Read(CompareWithCheckpoints);
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << status;
  EXPECT_EQ(ErrorMetadataOf(status)["seq"], "6") << status;
  Append("issuer/main", {.principal = "p", .action = "b", .object = "o"});
  EXPECT_TRUE(Verify().ok());
  EXPECT_EQ(database_
                ->Write([&](sql::Connection& c) {
                  return SignHeads(c, "test", signer, kTestNow + absl::Hours(1)).status();
                })
                .code(),
            absl::StatusCode::kDataLoss);
  status = database_->Read(CompareWithCheckpoints);
  EXPECT_EQ(ErrorMetadataOf(status)["seq"], "6") << status;
}

TEST_P(ChainTest, OldEntriesStayValidAndTheChainGoesOn) {
  // As the first version wrote them.
  std::string previous(32, '\0');
  for (int i = 1; i <= 3; ++i) {
    Record record{.writer = "issuer/main",
                  .seq = i,
                  .format = 1,
                  .entry = {.principal = "operator/alice",
                            .action = "order.create",
                            .object = absl::StrCat("order/", i),
                            .detail = "d",
                            .time = kTestNow},
                  .previous_hash = previous,
                  .hash = ""};
    Rehash(record);
    previous = record.hash;
    ASSERT_TRUE(
        database_
            ->Write([&](sql::Connection& c) {
              return c
                  .Execute(
                      "INSERT INTO audit (writer, seq, time, principal, action, object, "
                      "detail, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                      {record.writer, record.seq, sql::TimeColumn(record.entry.time),
                       record.entry.principal, record.entry.action, record.entry.object,
                       record.entry.detail, sql::Blob{record.previous_hash},
                       sql::Blob{record.hash}})
                  .status();
            })
            .ok());
  }
  MigrateToOrigin();
  EXPECT_EQ(Verify()->front().seq, 3);
  Append("issuer/main", {.principal = "p", .action = "a", .object = "o", .peer = "192.0.2.1:1"});
  const auto heads = Verify();
  ASSERT_TRUE(heads.ok()) << heads.status();
  EXPECT_EQ(heads->front().seq, 4);
  // An old entry says nothing of the new fields: they are no part of it, and what is changed in
  // those that it has is found as ever.
  Tamper("UPDATE audit SET detail = 'e' WHERE seq = 2");
  EXPECT_EQ(ErrorMetadataOf(Verify().status())["seq"], "2");
}

TEST_P(ChainTest, KeepsWhatItIsGivenFitToPrint) {
  MigrateToOrigin();
  Append("issuer/main", {.principal = "operator/\x1b[31mroot",
                         .action = "order.create",
                         .object = std::string(100'000, 'o'),
                         .detail = std::string("line\nbreak \xff") + std::string(100'000, 'd'),
                         .peer = "192.0.2.7:51000"});
  const std::vector<Record> records = List({}, true);
  ASSERT_EQ(records.size(), 1u);
  const Entry& entry = records[0].entry;
  for (const std::string* text : {&entry.principal, &entry.object, &entry.detail}) {
    EXPECT_EQ(Printable(*text, 100'000), *text);
    EXPECT_LE(text->size(), 5000u);
  }
  EXPECT_EQ(entry.peer, "192.0.2.7:51000");
  EXPECT_TRUE(Verify().ok());
}

TEST_P(ChainTest, AnEntryHasTheTimeOfTheCallOrOfTheOneBefore) {
  MigrateToOrigin();
  Append("w", {.principal = "p", .action = "a", .object = "o", .time = kTestNow},
         kTestNow + absl::Hours(1));
  Append("w", {.principal = "p", .action = "b", .object = "o"}, absl::InfinitePast());
  for (const Record& record : List({}, true)) EXPECT_EQ(record.entry.time, kTestNow);
}

std::vector<int64_t> Numbers(const std::vector<Record>& records) {
  std::vector<int64_t> numbers;
  for (const Record& record : records) numbers.push_back(record.seq);
  return numbers;
}

TEST_P(ChainTest, ListsByEveryFilter) {
  MigrateToOrigin();
  AppendMany("issuer/main", 6);
  AppendMany("issuer/two", 2);
  struct Case {
    Filter filter;
    bool oldest_first;
    std::vector<int64_t> seqs;
  };
  const Case cases[] = {
      {{.writer = "issuer/main"}, true, {1, 2, 3, 4, 5, 6}},
      {{.writer = "issuer/main"}, false, {6, 5, 4, 3, 2, 1}},
      {{.writer = "issuer/two"}, true, {1, 2}},
      {{.writer = "nobody"}, true, {}},
      {{.principal = "operator/alice"}, true, {2, 2, 4, 6}},
      {{.action = "agent."}, true, {3, 6}},
      {{.action = "agent.ban"}, false, {6, 3}},
      {{.action = "agent"}, true, {}},
      {{.action = "order.", .object = "order/2"}, true, {2, 2}},
      {{.object = "order/5"}, true, {5}},
      {{.writer = "issuer/main", .after_seq = 4}, true, {5, 6}},
      {{.writer = "issuer/main", .principal = "operator/bob", .after_seq = 1}, true, {3, 5}},
      {{}, true, {1, 1, 2, 2, 3, 4, 5, 6}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Numbers(List(c.filter, c.oldest_first)), c.seqs)
        << c.filter.writer << "/" << c.filter.principal << "/" << c.filter.action;
  }
}

TEST_P(ChainTest, PagesMissNothingAndRepeatNothing) {
  MigrateToOrigin();
  AppendMany("issuer/main", 9);
  AppendMany("issuer/two", 9);  // at the same times
  for (const bool oldest_first : {true, false}) {
    for (const std::string& writer : {std::string(), std::string("issuer/two")}) {
      const std::vector<Record> all = List({.writer = writer}, oldest_first);
      std::vector<Record> paged;
      while (true) {
        Place place;
        if (!paged.empty()) {
          place = {.time = sql::TimeColumn(paged.back().entry.time),
                   .writer = paged.back().writer,
                   .seq = paged.back().seq};
        }
        const auto page =
            List({.writer = writer}, oldest_first, paged.empty() ? nullptr : &place, 4);
        if (page.empty()) break;
        paged.insert(paged.end(), page.begin(), page.end());
      }
      ASSERT_EQ(paged.size(), all.size());
      for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(paged[i].hash, all[i].hash);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(On, ChainTest, ::testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::audit
