#ifndef NORROY_ISSUER_FLOW_ORDER_MACHINE_H_
#define NORROY_ISSUER_FLOW_ORDER_MACHINE_H_

// The life of an issuer as a program (tests/fuzz/program.h): what callers, the CA, agents, the
// clock, the database and the power supply do, in any order, to the real engine and the real
// service. After every operation and again when calm has come, the rules of order_rules.h are
// checked. For the fuzz target and its replay.
//
//   c  a caller creates an order: set of names, what else        f  ... hands in a CSR
//   x  ... cancels                                               y  ... retries
//   e  the CA errs: endpoint, how      o  the CA is set so: option, value
//   i  an incident at the CA           v  the CA's own looks at a name fail, or do not
//   s  the solver and its agents       w  withdrawal has a turn
//   t  time passes, the engine works   j  the wall clock jumps
//   k  kill -9, now or at a request    r  stopped and started as it should be
//   d  statements of the database fail p  standstill at a request while another process works

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "issuer/flow/flow_fixture.h"
#include "issuer/flow/order_rules.h"
#include "issuer/policy/policy.h"
#include "issuer/service/orders.h"
#include "issuer/store/quota.h"
#include "tests/fuzz/program.h"

namespace norroy::flow {

inline constexpr char kVerbs[] = "cfxyeoivswtjkrdp";
inline constexpr size_t kMaxOperations = 40;

class OrderMachine {
 public:
  // `after_restart` is called at the beginning of every life but the first.
  explicit OrderMachine(std::function<void(FlowFixture&)> after_restart = {});

  // Ends the process if a rule is broken.
  void Run(absl::string_view program);

 private:
  // What a service of one life has.
  struct Services {
    std::unique_ptr<store::Quotas> quotas;
    std::unique_ptr<service::Orders> orders;
  };

  void Do(const fuzz::Operation& operation);
  void DoCaller(const fuzz::Operation& operation);
  void Create(int which, int wants);
  void Finalize(int which, int csr);
  void Cancel(int which);
  void Retry(int which);
  void Err(int endpoint, int how);
  void SetCa(int option, int value);
  void Incident(int kind, int which);
  void Agents(int kind, int which);
  void PassTime(int kind);
  void Kill(int when, int how);
  void Begin(bool break_leases);

  // No fault any more; then time until every order has ended or waits for its CSR, then so much
  // that each has ended.
  void ComeToCalm();
  void Work(absl::Duration step, int times);
  bool AllRest();

  std::string IdOf(int which) const;
  const std::string& SetOf(int which) const;

  const std::function<void(FlowFixture&)> after_restart_;
  FlowFixture f_;
  std::unique_ptr<policy::Policy> policy_;
  Services services_;
  OrderRules rules_;
  std::vector<std::string> ids_;
  std::vector<int> sets_;             // of the orders: which set of names
  std::vector<std::string> refused_;  // names that the CA does not see
  bool break_leases_ = true;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_ORDER_MACHINE_H_
