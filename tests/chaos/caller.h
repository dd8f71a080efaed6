#ifndef NORROY_TESTS_CHAOS_CALLER_H_
#define NORROY_TESTS_CHAOS_CALLER_H_

// A client as they should be: it sends a call again, under the same request id, until it is
// answered.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/key.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "tests/harness/deployment.h"

namespace norroy::chaos {

struct Placed {
  std::string name;
  std::string id;  // empty: never answered
  crypto::PrivateKey key;
};

// Thread-safe.
class Caller {
 public:
  // As the requester `identity` (a file) of the deployment.
  Caller(const harness::Deployment& norroy, const std::string& identity);

  Placed Place(const std::string& name);
  // Every order that there is, by its id; none while the issuer does not answer.
  std::map<std::string, issuer::v1::Order> Orders();
  absl::StatusOr<issuer::v1::Certificate> Certificate(const std::string& id);
  absl::Status Cancel(const std::string& order_id);
  absl::Status Revoke(const std::string& certificate_id);
  // Calls that had to be sent again.
  int repeats() const { return repeats_; }

 private:
  absl::Status UntilAnswered(const std::function<grpc::Status(grpc::ClientContext&)>& call);

  const std::unique_ptr<issuer::v1::OrderService::Stub> orders_;
  const std::unique_ptr<issuer::v1::CertificateService::Stub> certificates_;
  std::atomic<int> repeats_ = 0;
};

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_CALLER_H_
