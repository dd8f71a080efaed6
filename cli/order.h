#ifndef NORROY_CLI_ORDER_H_
#define NORROY_CLI_ORDER_H_

// `norroy order ...`

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"
#include "norroy/issuer/v1/order_service.pb.h"

namespace norroy::cli {

struct OrderCreateOptions {
  std::vector<std::string> names;
  std::string csr_file;
  std::string ca;
  std::string profile;
  std::string request_id;
  std::vector<std::string> labels;  // "key=value"
  std::vector<std::string> finalizers;
  std::string public_key_sha256;
  std::string expires;
  std::string preferred_chain;
  bool validate_only = false;
  bool force_new = false;
  std::string renew;
  std::string auto_renew;
  bool wait = false;
  std::string timeout = "5m";
};

struct OrderFinalizeOptions {
  std::string id;
  std::string csr_file;
  std::string out;
  bool no_wait = false;
  std::string timeout = "5m";
};

struct OrderWatchOptions {
  std::string id;
  bool until_ready = false;
  std::string timeout = "24h";
};

struct OrderListOptions {
  std::string state;
  std::string name;
  int limit = 1000;
};

absl::Status OrderCreate(Context& context, const OrderCreateOptions& options);
absl::Status OrderFinalize(Context& context, const OrderFinalizeOptions& options);
absl::Status OrderList(Context& context, const OrderListOptions& options);
absl::Status OrderShow(Context& context, const std::string& id);
absl::Status OrderWatch(Context& context, const OrderWatchOptions& options);
absl::Status OrderCancel(Context& context, const std::string& id);
absl::Status OrderRetry(Context& context, const std::string& id);

// The request that the options mean; reads the CSR's file. For `norroy issue`, too.
absl::StatusOr<issuer::v1::CreateOrderRequest> CreateRequest(const OrderCreateOptions& options,
                                                             absl::Time now);
// At most as long as a CSR may be; the issuer judges what is in it.
absl::StatusOr<std::string> ReadCsr(const std::string& path);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ORDER_H_
