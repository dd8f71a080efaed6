#ifndef NORROY_ISSUER_SERVICE_ORDERS_FIXTURE_H_
#define NORROY_ISSUER_SERVICE_ORDERS_FIXTURE_H_

// What tests of orders share: callers, their requests, and an issuer.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/orders.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {

inline const rpc::Caller kAlice = CallerOf("operator/alice");
inline const rpc::Caller kBob = CallerOf("operator/bob");
inline const rpc::Caller kWeb = CallerOf("requester/web");
inline const rpc::Caller kDeploy = CallerOf("requester/deploy");
inline const rpc::Caller kOther = CallerOf("requester/other");
inline const rpc::Caller kAuditor = CallerOf("auditor/eve");

inline issuer::v1::CreateOrderRequest For(const std::vector<std::string>& names) {
  issuer::v1::CreateOrderRequest request;
  for (const std::string& name : names) request.add_names(name);
  return request;
}

inline issuer::v1::FinalizeOrderRequest HandIn(const std::string& id, const std::string& csr) {
  issuer::v1::FinalizeOrderRequest request;
  request.set_id(id);
  request.set_csr(csr);
  return request;
}

template <typename Request>
Request WithId(const std::string& id) {
  Request request;
  request.set_id(id);
  return request;
}

inline std::string ReasonOf(const absl::Status& status) {
  return status.ok()
             ? ""
             : absl::StrCat(absl::StatusCodeToString(status.code()), " ", ErrorReason(status));
}

class OrdersTest : public ::testing::Test {
 protected:
  issuer::v1::Order Create(const rpc::Caller& caller,
                           const issuer::v1::CreateOrderRequest& request) {
    const auto response = f_.orders().Create(caller, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->order() : issuer::v1::Order();
  }
  // An order of requester/web that is READY.
  issuer::v1::Order Ready(const std::vector<std::string>& names) {
    issuer::v1::CreateOrderRequest request = For(names);
    request.add_finalizers("requester/deploy");
    const issuer::v1::Order order = Create(kWeb, request);
    f_.Work();
    return f_.Get(order.id());
  }
  std::string Finalize(const rpc::Caller& caller, const issuer::v1::FinalizeOrderRequest& request) {
    return ReasonOf(f_.orders().Finalize(caller, request).status());
  }

  ServiceFixture f_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDERS_FIXTURE_H_
