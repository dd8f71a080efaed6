#ifndef NORROY_COMMON_RPC_STATUS_H_
#define NORROY_COMMON_RPC_STATUS_H_

// absl::Status to grpc::Status and back, reason, metadata and the CA's problem included (as
// google.rpc.Status details). Messages are made printable and cut at 2 KiB on the way out.

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace norroy::rpc {

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_STATUS_H_
