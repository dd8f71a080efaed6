#ifndef NORROY_TESTS_INTEGRATION_ROLES_GENERIC_CALL_H_
#define NORROY_TESTS_INTEGRATION_ROLES_GENERIC_CALL_H_

// Any rpc by its name, with a request of any bytes.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace norroy::roles {

struct Reply {
  absl::Status status;
  std::vector<std::string> messages;
};

// "/norroy.issuer.v1.OrderService/GetOrder"; one request, then what comes back until the end or for
// 20 s.
Reply CallOnce(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
               const std::string& request = "");

}  // namespace norroy::roles

#endif  // NORROY_TESTS_INTEGRATION_ROLES_GENERIC_CALL_H_
