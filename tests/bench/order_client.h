#ifndef NORROY_TESTS_BENCH_ORDER_CLIENT_H_
#define NORROY_TESTS_BENCH_ORDER_CLIENT_H_

// A program that orders certificates over an open channel, as requester/bench.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "tests/harness/deployment.h"

namespace norroy::bench {

// "requester/bench".
inline constexpr char kRequester[] = "bench";

// Thread-safe.
class OrderClient {
 public:
  explicit OrderClient(const harness::Deployment& deployment);

  // From CreateOrder to the certificate in hand. The CSR (CsrFor) is made before.
  absl::Duration Issue(const std::vector<std::string>& names);
  absl::Duration Issue(const std::vector<std::string>& names, const std::string& csr);
  // Up to READY, then cancels: the CA holds the names valid from then on.
  void Prove(const std::vector<std::string>& names);

 private:
  std::unique_ptr<issuer::v1::OrderService::Stub> stub_;
};

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_ORDER_CLIENT_H_
