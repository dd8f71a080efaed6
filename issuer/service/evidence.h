#ifndef NORROY_ISSUER_SERVICE_EVIDENCE_H_
#define NORROY_ISSUER_SERVICE_EVIDENCE_H_

// How a certificate came to be, gathered from the order that it ended and the audit log: who asked,
// by which policy, who served each name, what viewpoints saw, what the CA's own objects are, and
// every problem on the way. Knows nothing of gRPC.

#include "absl/status/statusor.h"
#include "common/audit/log.h"
#include "common/rpc/caller.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::service {

// Records of one certificate and its order.
inline constexpr int kMaxEvidenceRecords = 1000;

// Thread-safe.
class EvidenceRoom {
 public:
  // Both outlive this object.
  EvidenceRoom(store::Store& store, audit::Log& log) : store_(store), log_(log) {}

  absl::StatusOr<issuer::v1::GetEvidenceResponse> Get(
      const rpc::Caller& caller, const issuer::v1::GetEvidenceRequest& request);

 private:
  store::Store& store_;
  audit::Log& log_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_EVIDENCE_H_
