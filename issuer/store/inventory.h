#ifndef NORROY_ISSUER_STORE_INVENTORY_H_
#define NORROY_ISSUER_STORE_INVENTORY_H_

// What is in the store, in numbers: for metrics. Reads only.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sql/database.h"
#include "issuer/flow/order.h"

namespace norroy::store {

// One that is neither revoked nor has a successor.
struct CertificateInUse {
  std::string id;
  std::string ca;
  std::string name;  // the first of its names, by the alphabet
  absl::Time not_after;
  absl::Time renewal_time;
};

// Thread-safe. `database` outlives it.
class Inventory {
 public:
  explicit Inventory(sql::Database& database) : database_(database) {}

  // OK if the database answers.
  absl::Status Check();
  // Orders that have not ended, by state; states without one are 0.
  absl::StatusOr<std::map<flow::State, int64_t>> OpenOrders();
  // Those that end after that time, at most so many, the first to end first.
  absl::StatusOr<std::vector<CertificateInUse>> Certificates(absl::Time ending_after, int limit);

 private:
  sql::Database& database_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_INVENTORY_H_
