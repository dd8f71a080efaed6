#include "tests/bench/order_client.h"

#include <functional>

#include "absl/time/clock.h"
#include "common/rpc/credentials.h"
#include "tests/bench/need.h"
#include "tests/harness/requester.h"

namespace norroy::bench {
namespace {

using issuer::v1::OrderService;
using issuer::v1::WatchOrderResponse;

void Check(const grpc::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
  NORROY_CHECK(status.ok());
}

std::string Create(OrderService::Stub& stub, const std::vector<std::string>& names,
                   const std::string& csr) {
  issuer::v1::CreateOrderRequest request;
  for (const std::string& name : names) request.add_names(name);
  request.set_csr(csr);
  issuer::v1::CreateOrderResponse created;
  grpc::ClientContext context;
  Check(stub.CreateOrder(&context, request, &created));
  return created.order().id();
}

// Until `enough` is seen; returns the moment.
absl::Time Watch(OrderService::Stub& stub, const std::string& id,
                 const std::function<bool(const WatchOrderResponse&)>& enough) {
  issuer::v1::WatchOrderRequest request;
  request.set_id(id);
  grpc::ClientContext context;
  const auto reader = stub.WatchOrder(&context, request);
  WatchOrderResponse news;
  bool seen = false;
  while (!seen && reader->Read(&news)) seen = enough(news);
  const absl::Time now = absl::Now();
  if (!seen) std::fprintf(stderr, "%s\n", news.order().ShortDebugString().c_str());
  NORROY_CHECK(seen);
  context.TryCancel();
  (void)reader->Finish();
  return now;
}

}  // namespace

OrderClient::OrderClient(const harness::Deployment& deployment) {
  const std::string identity =
      harness::WriteRequester(deployment.dir(), deployment.name(), kRequester);
  stub_ = OrderService::NewStub(
      rpc::NewChannel(deployment.issuer_address(),
                      Need(rpc::ClientCredentials({identity, deployment.dir() + "/core/root.pem"},
                                                  deployment.name(), types::v1::ROLE_ISSUER))));
}

absl::Duration OrderClient::Issue(const std::vector<std::string>& names) {
  return Issue(names, CsrFor(names));
}

absl::Duration OrderClient::Issue(const std::vector<std::string>& names, const std::string& csr) {
  const absl::Time begin = absl::Now();
  const std::string id = Create(*stub_, names, csr);
  return Watch(*stub_, id,
               [](const WatchOrderResponse& news) { return !news.certificate_pem().empty(); }) -
         begin;
}

void OrderClient::Prove(const std::vector<std::string>& names) {
  const std::string id = Create(*stub_, names, "");
  Watch(*stub_, id, [](const WatchOrderResponse& news) {
    return news.order().state() == issuer::v1::ORDER_STATE_READY;
  });
  issuer::v1::CancelOrderRequest request;
  request.set_id(id);
  issuer::v1::CancelOrderResponse response;
  grpc::ClientContext context;
  Check(stub_->CancelOrder(&context, request, &response));
}

}  // namespace norroy::bench
