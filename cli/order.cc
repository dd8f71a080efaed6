#include "cli/order.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/certificate_files.h"
#include "cli/certificate_text.h"
#include "cli/order_text.h"
#include "cli/order_watch.h"
#include "cli/text.h"
#include "common/crypto/csr.h"
#include "common/crypto/random.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using issuer::v1::Order;
using Orders = issuer::v1::OrderService;

absl::StatusOr<std::unique_ptr<Orders::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return Orders::NewStub(channel);
}

void Show(Context& context, const Order& order) {
  context.output().Object(order, OrderFields(order));
}

std::vector<std::string> Row(const Order& order) {
  std::string names = order.names().empty() ? "" : order.names(0).name();
  if (order.names_size() > 1) absl::StrAppend(&names, " +", order.names_size() - 1);
  return {order.id(),      EnumText(order.state()),       names,
          order.creator(), TimeText(order.create_time()), order.waiting_for()};
}

}  // namespace

absl::StatusOr<std::string> ReadCsr(const std::string& path) {
  return identity::ReadFile(path, crypto::kMaxCsrPem);
}

absl::StatusOr<issuer::v1::CreateOrderRequest> CreateRequest(const OrderCreateOptions& options,
                                                             absl::Time now) {
  issuer::v1::CreateOrderRequest request;
  if (options.names.empty() && options.renew.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "say the names, or with --renew which certificate");
  }
  for (const std::string& name : options.names) request.add_names(name);
  request.set_ca(options.ca);
  request.set_profile(options.profile);
  // A call whose answer was lost may be made again.
  request.set_request_id(options.request_id.empty() ? crypto::SystemRandom().Id()
                                                    : options.request_id);
  if (!options.csr_file.empty()) {
    NORROY_ASSIGN_OR_RETURN(*request.mutable_csr(), ReadCsr(options.csr_file));
  }
  for (const std::string& label : options.labels) {
    const size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos ||
        !request.mutable_labels()
             ->insert({label.substr(0, equals), label.substr(equals + 1)})
             .second) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                       absl::StrCat("--label: \"", Printable(label),
                                    "\" is no KEY=VALUE, or its key was given before"));
    }
  }
  for (const std::string& finalizer : options.finalizers) request.add_finalizers(finalizer);
  request.set_public_key_sha256(options.public_key_sha256);
  request.set_preferred_chain(options.preferred_chain);
  request.set_validate_only(options.validate_only);
  request.set_force_new(options.force_new);
  request.set_renew(options.renew);
  if (!options.auto_renew.empty()) {
    NORROY_ASSIGN_OR_RETURN(const absl::Duration span,
                            ParseSpan("--auto-renew", options.auto_renew));
    *request.mutable_auto_renew_until() = ToProto(now + span);
  }
  if (!options.expires.empty()) {
    NORROY_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan("--expires", options.expires));
    *request.mutable_expire_time() = ToProto(now + span);
  }
  return request;
}

absl::Status OrderCreate(Context& context, const OrderCreateOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const absl::Duration timeout, ParseSpan("--timeout", options.timeout));
  NORROY_ASSIGN_OR_RETURN(const auto request, CreateRequest(options, context.clock().Now()));
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*orders, &Orders::Stub::CreateOrder, request));
  if (!options.wait || options.validate_only) {
    Show(context, response.order());
    return OrderOutcome(response.order());
  }
  const bool split = options.csr_file.empty();
  NORROY_ASSIGN_OR_RETURN(const WatchedOrder watched,
                          WatchOrder(context, *orders, {response.order().id(), split, timeout}));
  Show(context, watched.order);
  return OrderOutcome(watched.order);
}

absl::Status OrderFinalize(Context& context, const OrderFinalizeOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const absl::Duration timeout, ParseSpan("--timeout", options.timeout));
  if (options.no_wait && !options.out.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "--out waits for the certificate, so it does not go with --no-wait");
  }
  issuer::v1::FinalizeOrderRequest request;
  request.set_id(options.id);
  NORROY_ASSIGN_OR_RETURN(*request.mutable_csr(), ReadCsr(options.csr_file));
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*orders, &Orders::Stub::FinalizeOrder, request));
  if (options.no_wait) {
    Show(context, response.order());
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(const WatchedOrder watched,
                          WatchOrder(context, *orders, {options.id, false, timeout}));
  NORROY_RETURN_IF_ERROR(OrderOutcome(watched.order));
  if (options.out.empty()) {
    Show(context, watched.order);
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(CertificateFiles files,
                          WriteCertificate(options.out, watched.certificate_pem));
  files.set_order_id(options.id);
  files.set_certificate_id(watched.order.certificate_id());
  context.output().Object(files, FilesFields(files));
  return absl::OkStatus();
}

absl::Status OrderList(Context& context, const OrderListOptions& options) {
  issuer::v1::ListOrdersRequest request;
  request.set_name(options.name);
  if (!options.state.empty()) {
    NORROY_ASSIGN_OR_RETURN(const auto state,
                            ParseEnum<issuer::v1::OrderState>("--state", options.state));
    request.set_state(state);
  }
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  List list(context.output(), {"ORDER", "STATE", "NAMES", "CREATOR", "CREATED", "WAITS FOR"});
  int left = options.limit;
  do {
    request.set_page_size(std::min(left, 100));
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*orders, &Orders::Stub::ListOrders, request));
    for (const Order& order : response.orders()) list.Add(order, Row(order));
    left -= response.orders_size();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && left > 0);
  list.Finish();
  if (!request.page_token().empty()) context.output().Say("There are more: raise --limit.");
  return absl::OkStatus();
}

absl::Status OrderShow(Context& context, const std::string& id) {
  issuer::v1::GetOrderRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*orders, &Orders::Stub::GetOrder, request));
  Show(context, response.order());
  return absl::OkStatus();
}

absl::Status OrderWatch(Context& context, const OrderWatchOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const absl::Duration timeout, ParseSpan("--timeout", options.timeout));
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const WatchedOrder watched,
                          WatchOrder(context, *orders, {options.id, options.until_ready, timeout}));
  Show(context, watched.order);
  return OrderOutcome(watched.order);
}

absl::Status OrderCancel(Context& context, const std::string& id) {
  issuer::v1::CancelOrderRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*orders, &Orders::Stub::CancelOrder, request));
  Show(context, response.order());
  return absl::OkStatus();
}

absl::Status OrderRetry(Context& context, const std::string& id) {
  issuer::v1::RetryOrderRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto orders, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*orders, &Orders::Stub::RetryOrder, request));
  Show(context, response.order());
  return absl::OkStatus();
}

}  // namespace norroy::cli
