#include "issuer/store/api_tokens.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::store {
namespace {

constexpr absl::string_view kPrefix = "norroy_";
constexpr size_t kIdDigits = 32;
constexpr size_t kRandomBytes = 32;
constexpr size_t kRandomText = 43;  // base64url of these
constexpr char kColumns[] = "id, principal, creator, create_time, expire_time, use_time";

ApiToken TokenOf(const sql::Row& row) {
  return {.id = row.Text(0),
          .principal = row.Text(1),
          .creator = row.Text(2),
          .create_time = sql::TimeOf(row.Int(3)),
          .expire_time = sql::TimeOf(row.Int(4)),
          .use_time = sql::TimeOf(row.Int(5))};
}

absl::Status Refuse(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnauthenticated, reason, message);
}

// An id that nobody has costs what a wrong secret costs.
struct Stored {
  std::optional<ApiToken> token;
  crypto::Secret hash{std::string(32, '\0')};
};

absl::StatusOr<Stored> Find(sql::Connection& connection, const std::string& id) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(absl::StrCat("SELECT ", kColumns, ", hash FROM api_tokens WHERE id = $1"),
                       {id}));
  Stored stored;
  if (rows.empty()) return stored;
  stored.token = TokenOf(rows[0]);
  stored.hash = crypto::Secret(rows[0].Bytes(6));
  return stored;
}

}  // namespace

std::optional<PresentedToken> PresentedToken::Parse(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kPrefix) || text.size() != kIdDigits + 1 + kRandomText ||
      text[kIdDigits] != '_') {
    return std::nullopt;
  }
  const absl::string_view id = text.substr(0, kIdDigits);
  for (const char c : id) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return std::nullopt;
  }
  const absl::string_view random = text.substr(kIdDigits + 1);
  if (!crypto::Base64UrlDecode(random).ok()) return std::nullopt;
  return PresentedToken{std::string(id), crypto::Secret(random)};
}

absl::StatusOr<crypto::Secret> ApiTokens::Create(ApiToken& token, crypto::Random& random,
                                                 const AuditEntry& audit) {
  token.id = random.Id();
  const std::string secret = crypto::Base64Url(random.Bytes(kRandomBytes));
  AuditEntry entry = audit;
  entry.object = absl::StrCat("api_token/", token.id);
  NORROY_RETURN_IF_ERROR(database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> count,
                            connection.Query("SELECT COUNT(*) FROM api_tokens", {}));
    if (count[0].Int(0) >= kMaxApiTokens) {
      return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_TOKENS",
                       absl::StrCat("there are ", kMaxApiTokens,
                                    " API tokens already; delete those that ended"));
    }
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO api_tokens (id, hash, principal, creator, create_time, "
                     "expire_time, use_time) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                     {token.id, sql::Blob{crypto::Sha256(secret)}, token.principal, token.creator,
                      sql::TimeColumn(token.create_time), sql::TimeColumn(token.expire_time),
                      sql::TimeColumn(absl::InfinitePast())})
            .status());
    return chain_.Append(connection, entry, token.create_time);
  }));
  std::string text = absl::StrCat(kPrefix, token.id, "_", secret);
  return crypto::Secret::Take(text);
}

absl::StatusOr<std::vector<ApiToken>> ApiTokens::List(const PageKey& after, int limit) {
  using Tokens = std::vector<ApiToken>;
  return sql::ReadFor<Tokens>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<Tokens> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query(
                absl::StrCat("SELECT ", kColumns,
                             " FROM api_tokens WHERE create_time < $1 OR (create_time = $1 AND "
                             "id < $2) ORDER BY create_time DESC, id DESC LIMIT $3"),
                {sql::TimeColumn(after.create_time), after.id, static_cast<int64_t>(limit)}));
        Tokens tokens;
        for (const sql::Row& row : rows) tokens.push_back(TokenOf(row));
        return tokens;
      });
}

absl::Status ApiTokens::Delete(const std::string& id, const AuditEntry& audit) {
  AuditEntry entry = audit;
  entry.object = absl::StrCat("api_token/", id);
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(const int64_t deleted,
                            connection.Execute("DELETE FROM api_tokens WHERE id = $1", {id}));
    if (deleted == 0) return absl::OkStatus();
    return chain_.Append(connection, entry, entry.time);
  });
}

absl::StatusOr<ApiToken> ApiTokens::Use(const PresentedToken& presented, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const Stored stored,
                          sql::ReadFor<Stored>(database_, [&](sql::Connection& connection) {
                            return Find(connection, presented.id);
                          }));
  const crypto::Secret hash(crypto::Sha256(presented.random.Expose()));
  const bool same = hash.Equals(stored.hash);
  if (!stored.token.has_value()) return Refuse("TOKEN_UNKNOWN", "there is no such API token");
  if (!same) return Refuse("TOKEN_UNKNOWN", "the API token of this id is another");
  ApiToken token = *stored.token;
  if (now >= token.expire_time) return Refuse("TOKEN_EXPIRED", "the API token's time is over");
  if (now - token.use_time < kUseNoted) return token;
  token.use_time = now;
  // A token that is deleted at this moment is not used any more.
  NORROY_ASSIGN_OR_RETURN(
      const int64_t noted, sql::WriteFor<int64_t>(database_, [&](sql::Connection& connection) {
        return connection.Execute("UPDATE api_tokens SET use_time = $2 WHERE id = $1",
                                  {token.id, sql::TimeColumn(now)});
      }));
  if (noted == 0) return Refuse("TOKEN_UNKNOWN", "there is no such API token");
  return token;
}

}  // namespace norroy::store
