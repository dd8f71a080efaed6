#include "common/sql/postgres_dialect.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace norroy::sql {
namespace {

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

absl::string_view Translation(absl::string_view word) {
  if (word == "INTEGER") return "BIGINT";
  if (word == "TEXT") return "TEXT COLLATE \"C\"";
  if (word == "BLOB") return "BYTEA";
  if (word == "STRICT") return "";
  return word;
}

constexpr absl::string_view kTryAgain = "; try again";

// By the whole state first, then by its class (its first two characters).
struct Row {
  absl::string_view state;
  SqlStateMeaning meaning;
};
constexpr Row kStates[] = {
    {"23505", {absl::StatusCode::kAlreadyExists, "", ""}},
    {"40001", {absl::StatusCode::kAborted, "STORAGE_CONFLICT", kTryAgain, true}},
    {"40P01", {absl::StatusCode::kAborted, "STORAGE_CONFLICT", kTryAgain, true}},
    {"53100",
     {absl::StatusCode::kResourceExhausted, "STORAGE_FULL",
      ": no space is left on the database server; nothing was changed, free some and try again"}},
    {"55P03", {absl::StatusCode::kUnavailable, "STORAGE_BUSY", kTryAgain, true}},
    {"57014", {absl::StatusCode::kUnavailable, "STORAGE_BUSY", ": it took too long", false}},
    {"57P01", {absl::StatusCode::kUnavailable, "STORAGE_GONE", kTryAgain, true}},
    {"57P02", {absl::StatusCode::kUnavailable, "STORAGE_GONE", kTryAgain, true}},
    {"57P03", {absl::StatusCode::kUnavailable, "STORAGE_GONE", kTryAgain, true}},
    {"25006",
     {absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
      ": the server takes no changes; is it a standby?"}},
    {"3D000",
     {absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
      ": make the database, owned by this user"}},
    {"42501",
     {absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
      ": this user must own the database's tables"}},
    {"08P01", {absl::StatusCode::kInternal, "", ""}},
    {"08", {absl::StatusCode::kUnavailable, "STORAGE_GONE", kTryAgain, true}},
    {"22", {absl::StatusCode::kFailedPrecondition, "", ""}},
    {"23", {absl::StatusCode::kFailedPrecondition, "", ""}},
    {"28",
     {absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
      ": the server does not let this user in"}},
    {"53", {absl::StatusCode::kUnavailable, "STORAGE_BUSY", kTryAgain, true}},
    {"58", {absl::StatusCode::kInternal, "STORAGE_IO", ": see the database server's log"}},
    {"XX",
     {absl::StatusCode::kDataLoss, "STORAGE_CORRUPT",
      ": see the database server's log; restore a backup if it is damaged"}},
};

}  // namespace

std::string ToPostgres(absl::string_view sql) {
  const absl::string_view begin = absl::StripLeadingAsciiWhitespace(sql);
  if (!absl::StartsWith(begin, "CREATE TABLE") && !absl::StartsWith(begin, "ALTER TABLE")) {
    return std::string(sql);
  }
  std::string translated;
  char quote = 0;
  for (size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    if (quote == 0 && IsWordCharacter(c)) {
      size_t end = i;
      while (end < sql.size() && IsWordCharacter(sql[end])) ++end;
      absl::StrAppend(&translated, Translation(sql.substr(i, end - i)));
      i = end;
      continue;
    }
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    translated += c;
    ++i;
  }
  return translated;
}

SqlStateMeaning MeaningOfSqlState(absl::string_view state) {
  for (const Row& row : kStates) {
    if (!row.state.empty() && absl::StartsWith(state, row.state)) return row.meaning;
  }
  return {absl::StatusCode::kInternal, "", ""};
}

}  // namespace norroy::sql
