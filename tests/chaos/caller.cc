#include "tests/chaos/caller.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/challenge/identifier.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/crypto/random.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"

namespace norroy::chaos {
namespace {

namespace v1 = issuer::v1;

constexpr absl::Duration kPatience = absl::Seconds(90);
constexpr absl::Duration kCallTimeout = absl::Seconds(20);
constexpr absl::Duration kPause = absl::Milliseconds(100);

std::shared_ptr<grpc::Channel> Dial(const harness::Deployment& norroy,
                                    const std::string& identity) {
  const auto credentials = rpc::ClientCredentials({identity, norroy.dir() + "/core/root.pem"},
                                                  norroy.name(), types::v1::ROLE_ISSUER);
  NORROY_CHECK(credentials.ok());
  return rpc::NewChannel(norroy.issuer_address(), *credentials);
}

// "Ask again": nobody answered, or not in time, or there is no room now.
bool IsForAnotherTry(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED ||
         code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::ABORTED;
}

}  // namespace

Caller::Caller(const harness::Deployment& norroy, const std::string& identity)
    : orders_(v1::OrderService::NewStub(Dial(norroy, identity))),
      certificates_(v1::CertificateService::NewStub(Dial(norroy, identity))) {}

absl::Status Caller::UntilAnswered(const std::function<grpc::Status(grpc::ClientContext&)>& call) {
  const absl::Time end = absl::Now() + kPatience;
  while (true) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, kCallTimeout);
    const grpc::Status status = call(context);
    if (status.ok() || !IsForAnotherTry(status.error_code()) || absl::Now() > end) {
      return rpc::FromGrpc(status);
    }
    ++repeats_;
    absl::SleepFor(kPause);
  }
}

Placed Caller::Place(const std::string& name) {
  Placed placed{name, "", *crypto::PrivateKey::Generate(crypto::KeyType::kP256)};
  v1::CreateOrderRequest request;
  request.add_names(name);
  request.set_request_id(crypto::SystemRandom().Id());
  request.set_csr(*crypto::BuildCsr(placed.key, *challenge::ParseNames({name})));
  v1::CreateOrderResponse response;
  const absl::Status status = UntilAnswered([&](grpc::ClientContext& context) {
    return orders_->CreateOrder(&context, request, &response);
  });
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", name.c_str(), status.ToString().c_str());
  placed.id = response.order().id();
  return placed;
}

std::map<std::string, v1::Order> Caller::Orders() {
  std::map<std::string, v1::Order> orders;
  v1::ListOrdersRequest request;
  request.set_page_size(1000);
  do {
    v1::ListOrdersResponse response;
    grpc::ClientContext context;
    rpc::SetTimeout(context, kCallTimeout);
    if (!orders_->ListOrders(&context, request, &response).ok()) return {};
    for (v1::Order& order : *response.mutable_orders()) {
      const std::string id = order.id();
      orders[id] = std::move(order);
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return orders;
}

absl::StatusOr<v1::Certificate> Caller::Certificate(const std::string& id) {
  v1::GetCertificateRequest request;
  request.set_id(id);
  v1::GetCertificateResponse response;
  const absl::Status status = UntilAnswered([&](grpc::ClientContext& context) {
    return certificates_->GetCertificate(&context, request, &response);
  });
  if (!status.ok()) return status;
  return response.certificate();
}

absl::Status Caller::Cancel(const std::string& order_id) {
  v1::CancelOrderRequest request;
  request.set_id(order_id);
  v1::CancelOrderResponse response;
  return UntilAnswered([&](grpc::ClientContext& context) {
    return orders_->CancelOrder(&context, request, &response);
  });
}

absl::Status Caller::Revoke(const std::string& certificate_id) {
  v1::RevokeCertificateRequest request;
  request.set_id(certificate_id);
  v1::RevokeCertificateResponse response;
  return UntilAnswered([&](grpc::ClientContext& context) {
    return certificates_->RevokeCertificate(&context, request, &response);
  });
}

}  // namespace norroy::chaos
