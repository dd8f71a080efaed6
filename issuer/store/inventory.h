#ifndef NORROY_ISSUER_STORE_INVENTORY_H_
#define NORROY_ISSUER_STORE_INVENTORY_H_

// What is in the store, in numbers: for metrics. Reads only.

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"
#include "issuer/flow/order.h"

namespace norroy::store {

// Thread-safe. `database` outlives it.
class Inventory {
 public:
  explicit Inventory(sql::Database& database) : database_(database) {}

  // OK if the database answers.
  absl::Status Check();
  // Orders that have not ended, by state; states without one are 0.
  absl::StatusOr<std::map<flow::State, int64_t>> OpenOrders();

 private:
  sql::Database& database_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_INVENTORY_H_
