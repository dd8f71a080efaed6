#ifndef NORROY_ISSUER_FLOW_CA_FAULTS_H_
#define NORROY_ISSUER_FLOW_CA_FAULTS_H_

// What the tests of CA faults share: an issuer beside a CA whose slow replies take their time, and
// what must be true whatever the CA did. docs/when-a-ca-misbehaves.md says which test is of which
// fault.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {

inline constexpr char kWww[] = "www.example.test";

// Where an issuance passes by, from newOrder on.
inline const std::vector<fakes::Endpoint>& EndpointsOfAnIssuance() {
  using fakes::Endpoint;
  static const auto* const endpoints = new std::vector<Endpoint>{
      Endpoint::kNewOrder, Endpoint::kAuthorization, Endpoint::kChallenge,
      Endpoint::kOrder,    Endpoint::kFinalize,      Endpoint::kCertificate};
  return *endpoints;
}

class FaultyCa : public FlowFixture {
 public:
  explicit FaultyCa(const fakes::FakeCaOptions& options = {}) : FlowFixture(options) {
    ca().Change([this](fakes::FakeCaOptions& changed) {
      changed.pass_time = [this](absl::Duration by) { clock().Advance(by); };
    });
    // Hours of waiting take no longer than what happens in them.
    SetAdvance([this](absl::Duration by) {
      clock().Advance(std::clamp(engine().UntilDue(), by, absl::Minutes(1)));
    });
    // As outside tests: no moment is a whole second.
    clock().Advance(absl::Milliseconds(347));
  }

  Order Place(const std::vector<std::string>& names = {kWww}) {
    return Create(names, MakeCsr(names, MakeKey()));
  }
  Order Issue(const std::vector<std::string>& names = {kWww},
              absl::Duration limit = absl::Hours(3)) {
    return Settle(Place(names).id, limit);
  }
  Order Settle(const std::string& id, absl::Duration limit = absl::Hours(3)) {
    return FlowFixture::Settle(id, limit);
  }
  int asked() { return static_cast<int>(ca().requests().size()); }
  // When the n-th request to the endpoint came, from 0.
  absl::Time TimeOf(fakes::Endpoint endpoint, size_t n) {
    std::vector<absl::Time> times;
    for (const fakes::RequestRecord& request : ca().requests()) {
      if (request.endpoint == endpoint) times.push_back(request.time);
    }
    return n < times.size() ? times[n] : absl::InfiniteFuture();
  }
  std::string Says(const Order& order) {
    return order.error.has_value() ? order.error->message : "";
  }
};

// A certificate, the CA's only one, of the only CA order that was finalized, always with the same
// CSR; nothing is left up and the CA has nothing to complain about.
inline void ExpectOneCertificate(FaultyCa& f, const Order& done, size_t most_ca_orders = 1) {
  ASSERT_EQ(done.state, State::kDone)
      << StateName(done.state) << " " << f.Says(done) << ", waits for " << done.waiting_for;
  EXPECT_EQ(f.ca().certificates_issued(), 1);
  EXPECT_LE(f.ca().orders().size(), most_ca_orders);
  int finalized = 0;
  for (const fakes::OrderRecord& order : f.ca().orders()) finalized += order.finalizes;
  EXPECT_EQ(finalized, 1);
  std::set<std::string> csrs;
  for (const fakes::RequestRecord& request : f.ca().requests()) {
    if (request.endpoint == fakes::Endpoint::kFinalize) csrs.insert(request.payload);
  }
  csrs.erase("");
  EXPECT_EQ(csrs.size(), 1u);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), ::testing::IsEmpty());
}

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_CA_FAULTS_H_
