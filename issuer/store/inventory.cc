#include "issuer/store/inventory.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"

namespace norroy::store {
namespace {

constexpr flow::State kOpen[] = {flow::State::kQueued,        flow::State::kOrdering,
                                 flow::State::kPresenting,    flow::State::kValidating,
                                 flow::State::kWaitingForCsr, flow::State::kFinalizing,
                                 flow::State::kGivingUp};

}  // namespace

absl::Status Inventory::Check() {
  return database_.Read(
      [](sql::Connection& connection) { return connection.Query("SELECT 1", {}).status(); });
}

absl::StatusOr<std::map<flow::State, int64_t>> Inventory::OpenOrders() {
  using Counts = std::map<flow::State, int64_t>;
  return sql::ReadFor<Counts>(database_, [](sql::Connection& connection) -> absl::StatusOr<Counts> {
    Counts counts;
    for (const flow::State state : kOpen) {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          connection.Query("SELECT COUNT(*) FROM orders WHERE state = $1", {StateColumn(state)}));
      counts[state] = rows.front().Int(0);
    }
    return counts;
  });
}

absl::StatusOr<std::vector<CertificateInUse>> Inventory::Certificates(absl::Time ending_after,
                                                                      int limit) {
  using Result = std::vector<CertificateInUse>;
  return sql::ReadFor<Result>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<Result> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query(
                "SELECT r.certificate_id, r.ca, MIN(n.name), r.not_after, r.renewal_time "
                "FROM renewals r JOIN certificate_names n "
                "ON n.certificate_id = r.certificate_id "
                "WHERE r.ended = 0 AND r.not_after > $1 "
                "GROUP BY r.certificate_id, r.ca, r.not_after, r.renewal_time "
                "ORDER BY r.not_after, r.certificate_id LIMIT $2",
                {sql::TimeColumn(ending_after), static_cast<int64_t>(limit)}));
        Result result;
        for (const sql::Row& row : rows) {
          result.push_back({row.Text(0), row.Text(1), row.Text(2), sql::TimeOf(row.Int(3)),
                            sql::TimeOf(row.Int(4))});
        }
        return result;
      });
}

}  // namespace norroy::store
