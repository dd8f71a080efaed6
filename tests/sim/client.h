#ifndef NORROY_TESTS_SIM_CLIENT_H_
#define NORROY_TESTS_SIM_CLIENT_H_

// A caller with one order: creates it, watches it, hands its CSR in if it did not come along,
// cancels and retries as chance has it. Repeats with the same request_id what got no answer. Keeps
// what it was told, for the invariants.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "norroy/issuer/v1/order_service.pb.h"
#include "tests/sim/issuer.h"
#include "tests/sim/sim.h"

namespace norroy::sim {

struct ClientPlan {
  std::string request_id;
  std::vector<std::string> names;
  int key = 0;
  bool with_csr = true;
  bool finalizes = true;  // if the CSR does not come along
  bool force_new = false;
  bool watchful = false;  // looks many times a second
  absl::Duration start = absl::ZeroDuration();
  absl::Duration until_finalize = absl::ZeroDuration();  // from READY on
  absl::Duration lifetime = absl::Hours(6);
};

class Client {
 public:
  Client(Sim& sim, ClientPlan plan, std::vector<Issuer*> issuers);

  void Begin();
  // For the end of the world.
  void End();
  // It will not do anything any more.
  bool done() const { return done_; }

  const ClientPlan& plan() const { return plan_; }
  // Empty: it was never told that there is an order.
  const std::string& order_id() const { return order_id_; }
  const std::string& csr() const { return csr_; }
  // Of a VALID order, as first handed out.
  const std::string& certificate_pem() const { return certificate_pem_; }
  bool cancel_accepted() const { return cancel_accepted_; }
  int retries() const { return retries_; }

 private:
  using State = issuer::v1::OrderState;

  void Run();
  bool Create();
  // Looks, and does what there is to do. False: there will be nothing more.
  bool Turn();
  void Finalize();
  void Disturb();
  void Learn(const issuer::v1::Order& order);
  void KeepCertificate(const std::string& pem);

  // One call at some issuer, answers and all. UNAVAILABLE if it got none.
  template <typename Response>
  absl::StatusOr<Response> Call(
      const char* what,
      const std::function<absl::StatusOr<Response>(service::Orders& orders)>& call);

  Sim& sim_;
  const ClientPlan plan_;
  const std::vector<Issuer*> issuers_;
  const std::string csr_;
  const LifePtr life_;
  std::string order_id_;
  State state_ = issuer::v1::ORDER_STATE_UNSPECIFIED;
  absl::Duration ready_since_ = absl::InfiniteDuration();
  bool handed_in_ = false;
  std::string certificate_pem_;
  bool cancel_accepted_ = false;
  int retries_ = 0;
  int extra_looks_ = 2;
  bool done_ = false;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_CLIENT_H_
