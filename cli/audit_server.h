#ifndef NORROY_CLI_AUDIT_SERVER_H_
#define NORROY_CLI_AUDIT_SERVER_H_

// The audit service of one server, as the commands use it. Not thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "common/audit/checkpoint.h"
#include "common/audit/record.h"
#include "norroy/audit/v1/audit_service.grpc.pb.h"

namespace norroy::cli {

class AuditServer {
 public:
  // `of`: "issuer" or "validator".
  static absl::StatusOr<AuditServer> Connect(Context& context, const std::string& of);

  absl::StatusOr<audit::v1::ListRecordsResponse> List(const audit::v1::ListRecordsRequest& request);
  // Recomputing long chains takes a while: at most ten minutes.
  absl::StatusOr<std::vector<audit::Head>> Verify();
  absl::StatusOr<audit::Checkpoint> CreateCheckpoint();
  // Oldest first.
  absl::Status EachCheckpoint(const std::function<absl::Status(const audit::Checkpoint&)>& visit);
  // Of one chain, in its order, up to and with `last`.
  absl::Status EachRecord(const std::string& writer, int64_t last,
                          const std::function<absl::Status(const audit::Record&)>& visit);
  // NOT_FOUND if the chain has no such record.
  absl::StatusOr<audit::Record> Get(const std::string& writer, int64_t seq);

 private:
  using Service = audit::v1::AuditService;
  AuditServer(Context& context, std::unique_ptr<Service::Stub> stub)
      : context_(&context), stub_(std::move(stub)) {}

  Context* context_;
  std::unique_ptr<Service::Stub> stub_;
};

// The core roots of the directory (or --core-root), and the deployment that they are of.
absl::StatusOr<audit::Trust> TrustOf(Context& context);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AUDIT_SERVER_H_
