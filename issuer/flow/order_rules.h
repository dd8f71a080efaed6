#ifndef NORROY_ISSUER_FLOW_ORDER_RULES_H_
#define NORROY_ISSUER_FLOW_ORDER_RULES_H_

// What is true of every issuer's life, whatever happened in it. Each rule is a NORROY_CHECK, so
// that a fuzzer sees it. For tests.

#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "issuer/flow/flow_fixture.h"
#include "issuer/flow/order.h"

namespace norroy::flow {

class OrderRules {
 public:
  explicit OrderRules(FlowFixture& fixture) : f_(fixture) {}
  // Shown with whatever is broken.
  void SetProgram(std::string program) { program_ = std::move(program); }

  // A caller made this order, with a CSR or without; or had a CSR accepted.
  void NoteCreated(const Order& order);
  void NoteCsrAccepted(const std::string& id) { ++tries_[id]; }
  // A retry was accepted: what was FAILED may begin anew.
  void NoteRetried(const std::string& id);
  // A process stood still between its last look at its lease and a request: what it then answers
  // at the CA may be over, and no client can prevent that. Once each.
  void NoteStandstill() { ++standstills_; }

  // What the engine did without a pause: an order that never waits is looping.
  void CheckSteps(int steps) const { Require(steps < 500, "the engine is looping"); }
  // At any moment: an order that has ended stays as it is, serves nothing and says why it ended.
  void CheckNow();
  // When nothing goes wrong any more and everybody had time: an order has ended, or waits for its
  // CSR or a limit and says so; nothing is served for what has ended.
  void CheckRest();
  // Later than every expire_time: each order has ended, nothing is held, leased or presented, and
  // the CA has seen one finalize a CSR at most, and nothing that RFC 8555 forbids.
  void CheckEnd();

 private:
  void CheckEnded(const Order& order);
  void CheckCertificate(const Order& order);
  void CheckDatabase();

  void Require(bool holds, const Order& order, absl::string_view what) const;
  void Require(bool holds, absl::string_view what) const;

  FlowFixture& f_;
  std::string program_;
  std::map<std::string, Order> seen_;
  // How often each may have had a certificate issued: CSRs that were accepted, and retries.
  std::map<std::string, int> tries_;
  int standstills_ = 0;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_ORDER_RULES_H_
