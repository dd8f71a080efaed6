#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "validator/store/sql_store.h"

namespace norroy::validator {
namespace {

constexpr size_t kIdsAtOnce = 100;

StoredPresentation Read(const sql::Row& row, bool with_request) {
  return {.id = row.Text(0),
          .generation = row.Int(1),
          .not_after = sql::TimeOf(row.Int(2)),
          .released = row.Int(3) != 0,
          .request = with_request ? row.Bytes(4) : ""};
}

}  // namespace

// Of two generations the higher one stays, and a tombstone stays against its own generation: what
// arrives late brings nothing back.
absl::Status SqlStore::PutPresentation(const StoredPresentation& presentation) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(
        const int64_t stored,
        connection.Execute(
            "INSERT INTO presentations (id, generation, not_after, released, request) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET "
            "generation = excluded.generation, not_after = excluded.not_after, "
            "released = excluded.released, request = excluded.request "
            "WHERE excluded.generation > presentations.generation OR "
            "(excluded.generation = presentations.generation AND "
            "excluded.released >= presentations.released)",
            {presentation.id, presentation.generation, sql::TimeColumn(presentation.not_after),
             int64_t{presentation.released}, sql::Blob{presentation.request}}));
    if (stored == 1) return absl::OkStatus();
    return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION",
                     absl::StrCat("presentation ", Printable(presentation.id, 64), " generation ",
                                  presentation.generation, " was released or superseded"),
                     {{"presentation_id", Printable(presentation.id, 64)}});
  });
}

absl::StatusOr<std::vector<StoredPresentation>> SqlStore::GetPresentations(
    const std::vector<std::string>& ids, bool with_requests) {
  using Presentations = std::vector<StoredPresentation>;
  const auto read = [&](sql::Connection& connection) -> absl::StatusOr<Presentations> {
    Presentations presentations;
    for (size_t from = 0; from < ids.size(); from += kIdsAtOnce) {
      const size_t to = std::min(ids.size(), from + kIdsAtOnce);
      std::vector<sql::Value> parameters;
      std::string places;
      for (size_t i = from; i < to; ++i) {
        parameters.emplace_back(ids[i]);
        absl::StrAppend(&places, i == from ? "$" : ", $", parameters.size());
      }
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query(absl::StrCat("SELECT id, generation, not_after, released",
                                        with_requests ? ", request" : "",
                                        " FROM presentations WHERE id IN (", places, ")"),
                           parameters));
      for (const sql::Row& row : rows) presentations.push_back(Read(row, with_requests));
    }
    return presentations;
  };
  return sql::ReadFor<Presentations>(database_, read);
}

absl::StatusOr<std::vector<StoredPresentation>> SqlStore::LoadPresentations(absl::Time now) {
  using Presentations = std::vector<StoredPresentation>;
  const auto load = [&](sql::Connection& connection) -> absl::StatusOr<Presentations> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT id, generation, not_after, released, request FROM presentations "
                         "WHERE not_after > $1 ORDER BY id",
                         {sql::TimeColumn(now)}));
    Presentations presentations;
    presentations.reserve(rows.size());
    for (const sql::Row& row : rows) presentations.push_back(Read(row, true));
    return presentations;
  };
  return sql::ReadFor<Presentations>(database_, load);
}

absl::Status SqlStore::SweepPresentations(absl::Time now) {
  return database_.Write([&](sql::Connection& connection) {
    return connection
        .Execute("DELETE FROM presentations WHERE not_after <= $1", {sql::TimeColumn(now)})
        .status();
  });
}

}  // namespace norroy::validator
