#include "issuer/store/api_tokens.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/database_kinds.h"
#include "common/sql/transact.h"

namespace norroy::store {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class ApiTokensContract : public testing::TestWithParam<sql::DatabaseKind> {
 protected:
  void SetUp() override {
    database_ = *sql::OpenForThisTest(GetParam());
    ASSERT_TRUE(sql::Migrate(*database_, Store::Migrations()).ok());
    tokens_ = std::make_unique<ApiTokens>(*database_, "issuer/main");
  }

  // The token as its holder has it.
  std::string Create(const std::string& principal, absl::Time now = kNow,
                     absl::Duration life = absl::Hours(24)) {
    last_ = {.principal = principal,
             .creator = "operator/alice",
             .create_time = now,
             .expire_time = now + life};
    const auto token =
        tokens_->Create(last_, random_, {"operator/alice", "api_token.create", "", "d"});
    EXPECT_TRUE(token.ok()) << token.status();
    return std::string(token->Expose());
  }
  std::string Use(const std::string& text, absl::Time now = kNow) {
    const auto presented = PresentedToken::Parse(text);
    if (!presented.has_value()) return "no form";
    const auto token = tokens_->Use(*presented, now);
    return token.ok() ? token->principal : ErrorReason(token.status());
  }
  std::vector<ApiToken> All() { return *tokens_->List({}, 1000); }
  std::vector<sql::Row> Rows(const std::string& query) {
    return *sql::ReadFor<std::vector<sql::Row>>(
        *database_, [&](sql::Connection& connection) { return connection.Query(query, {}); });
  }

  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<ApiTokens> tokens_;
  crypto::SystemRandom random_;
  ApiToken last_;
};

TEST_P(ApiTokensContract, FormOfATokenAndWhatIsKeptOfIt) {
  const std::string token = Create("requester/web");
  EXPECT_EQ(token.size(), 7u + 32 + 1 + 43);
  EXPECT_TRUE(absl::StartsWith(token, absl::StrCat("norroy_", last_.id, "_")));
  const std::string secret = token.substr(token.size() - 43);
  const auto rows = Rows("SELECT hash FROM api_tokens");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].Bytes(0), crypto::Sha256(secret));
  for (const sql::Row& row : Rows("SELECT object, detail FROM audit")) {
    EXPECT_FALSE(absl::StrContains(row.Text(0) + row.Text(1), secret));
  }
}

TEST_P(ApiTokensContract, OnlyTheTokenItself) {
  const std::string token = Create("requester/web");
  const std::string id = last_.id;
  const std::string other = Create("requester/other");
  EXPECT_EQ(Use(token), "requester/web");
  EXPECT_EQ(Use(other), "requester/other");
  std::string flipped = token;
  flipped.back() = flipped.back() == 'A' ? 'E' : 'A';
  EXPECT_EQ(Use(flipped), "TOKEN_UNKNOWN");
  EXPECT_EQ(Use(absl::StrCat("norroy_", id, other.substr(39))), "TOKEN_UNKNOWN")
      << "another's secret";
  EXPECT_EQ(Use(absl::StrCat("norroy_", std::string(32, '0'), token.substr(39))), "TOKEN_UNKNOWN");
  // What the database holds opens nothing.
  const std::string hash =
      Rows("SELECT hash FROM api_tokens WHERE principal = 'requester/web'")[0].Bytes(0);
  EXPECT_EQ(Use(absl::StrCat("norroy_", id, "_", crypto::Base64Url(hash))), "TOKEN_UNKNOWN");
}

TEST_P(ApiTokensContract, Forms) {
  const std::string token = Create("requester/web");
  for (const std::string& text :
       {std::string(), std::string("norroy_"), token + "A", token.substr(1),
        token.substr(0, token.size() - 1), absl::StrCat("NORROY", token.substr(6)),
        absl::StrCat("norroy_", std::string(32, 'G'), token.substr(39)),
        absl::StrCat(token.substr(0, 39), ".", token.substr(40)),
        absl::StrCat(token.substr(0, token.size() - 1), "+"),
        absl::StrCat("norroy_", std::string(32, '\''), token.substr(39))}) {
    EXPECT_EQ(Use(text), "no form") << text;
  }
}

TEST_P(ApiTokensContract, Ends) {
  const std::string token = Create("requester/web", kNow, absl::Hours(1));
  EXPECT_EQ(Use(token, kNow + absl::Minutes(59)), "requester/web");
  EXPECT_EQ(Use(token, kNow + absl::Hours(1)), "TOKEN_EXPIRED");
}

TEST_P(ApiTokensContract, DeletedIsGone) {
  const std::string token = Create("requester/web");
  const AuditEntry audit{"operator/alice", "api_token.delete", ""};
  EXPECT_TRUE(tokens_->Delete(last_.id, audit).ok());
  EXPECT_EQ(Use(token), "TOKEN_UNKNOWN");
  EXPECT_TRUE(tokens_->Delete(last_.id, audit).ok());
  EXPECT_EQ(Rows("SELECT seq FROM audit WHERE action = 'api_token.delete'").size(), 1u);
  const auto rows = Rows("SELECT object FROM audit WHERE action = 'api_token.create'");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].Text(0), absl::StrCat("api_token/", last_.id));
}

TEST_P(ApiTokensContract, TheLastUseIsNotedToTheMinute) {
  const std::string token = Create("requester/web");
  EXPECT_EQ(All()[0].use_time, absl::InfinitePast());
  Use(token, kNow + absl::Seconds(10));
  EXPECT_EQ(All()[0].use_time, kNow + absl::Seconds(10));
  Use(token, kNow + absl::Seconds(69));
  EXPECT_EQ(All()[0].use_time, kNow + absl::Seconds(10));
  Use(token, kNow + absl::Seconds(70));
  EXPECT_EQ(All()[0].use_time, kNow + absl::Seconds(70));
}

TEST_P(ApiTokensContract, PagesNewestFirst) {
  for (int i = 0; i < 5; ++i) {
    Create(absl::StrCat("requester/r", i), kNow + absl::Seconds(i / 2));
  }
  std::vector<std::string> seen;
  PageKey after;
  for (int page = 0; page < 3; ++page) {
    const std::vector<ApiToken> tokens = tokens_->List(after, 2).value();
    for (const ApiToken& token : tokens) {
      seen.push_back(token.id);
      after = {token.create_time, token.id};
    }
  }
  EXPECT_EQ(seen.size(), 5u);
  const std::vector<ApiToken> all = All();
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].id, seen[i]);
  EXPECT_EQ(all[0].principal, "requester/r4");
}

INSTANTIATE_TEST_SUITE_P(On, ApiTokensContract, testing::ValuesIn(sql::TestedKinds()),
                         sql::KindName);

}  // namespace
}  // namespace norroy::store
