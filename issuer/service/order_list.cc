#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/idna.h"
#include "issuer/service/limits.h"
#include "issuer/service/orders.h"
#include "issuer/service/page.h"

namespace norroy::service {
namespace {

absl::StatusOr<store::OrderFilter> ParseFilter(const rpc::Caller& caller,
                                               const issuer::v1::ListOrdersRequest& request) {
  store::OrderFilter filter;
  filter.reader = ReaderOf(caller);
  if (!issuer::v1::OrderState_IsValid(request.state())) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD",
                     absl::StrCat("state ", request.state(), " is none of OrderState"),
                     {{"field", "state"}});
  }
  filter.states = InnerStates(request.state());
  if (request.name().empty()) return filter;
  const absl::StatusOr<std::string> ascii = ToAscii(request.name());
  const absl::StatusOr<challenge::Name> name =
      ascii.ok() ? challenge::Name::Parse(*ascii) : ascii.status();
  if (!name.ok()) return WithContext(name.status(), "name");
  filter.name = *name;
  return filter;
}

std::string QueryOf(const store::OrderFilter& filter,
                    const issuer::v1::ListOrdersRequest& request) {
  return absl::StrJoin({std::string("orders"), filter.reader.value_or("*"),
                        absl::StrCat(request.state()), request.name()},
                       absl::string_view("\0", 1));
}

bool Shows(const issuer::v1::ListOrdersRequest& request, const flow::Order& order) {
  return request.state() == issuer::v1::ORDER_STATE_UNSPECIFIED ||
         StateOf(order) == request.state();
}

// Adds rows to the page. True: it is full, or ends before a row that would make it too large.
bool Fill(const std::vector<flow::Order>& rows, const issuer::v1::ListOrdersRequest& request,
          PageFiller& filler, issuer::v1::ListOrdersResponse& response) {
  for (const flow::Order& order : rows) {
    const store::PageKey key = {order.create_time, order.id};
    if (!Shows(request, order)) {
      filler.Skipped(key);
      continue;
    }
    issuer::v1::Order proto = ToProto(order);
    const size_t bytes = proto.ByteSizeLong();
    if (!filler.HasRoom(bytes)) return true;
    filler.Took(key, bytes);
    *response.add_orders() = std::move(proto);
  }
  return false;
}

}  // namespace

absl::StatusOr<issuer::v1::ListOrdersResponse> Orders::List(
    const rpc::Caller& caller, const issuer::v1::ListOrdersRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const store::OrderFilter filter, ParseFilter(caller, request));
  const std::string query = QueryOf(filter, request);
  NORROY_ASSIGN_OR_RETURN(const Page page,
                          ParsePage(request.page_size(), request.page_token(), query));
  PageFiller filler(page);
  issuer::v1::ListOrdersResponse response;
  const int chunk = page.limit + 1;
  for (int read = 0; read < kMaxPageReads; ++read) {
    NORROY_ASSIGN_OR_RETURN(const std::vector<flow::Order> rows,
                            o_.store.ListOrders(filter, filler.last(), chunk));
    if (Fill(rows, request, filler, response)) break;
    if (static_cast<int>(rows.size()) < chunk) return response;
  }
  response.set_next_page_token(PageToken(filler.last(), query));
  return response;
}

}  // namespace norroy::service
