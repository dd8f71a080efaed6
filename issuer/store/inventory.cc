#include "issuer/store/inventory.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

}  // namespace norroy::store
