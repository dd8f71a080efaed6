#include "cli/order_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/order_text.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr absl::Duration kUnreachableLimit = absl::Seconds(30);
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

bool IsEnd(const issuer::v1::Order& order, bool until_ready) {
  return IsFinal(order.state()) || (until_ready && order.state() == issuer::v1::ORDER_STATE_READY);
}

absl::Status TimedOut(const WatchOptions& options, const WatchedOrder& last) {
  std::string text =
      absl::StrCat("order ", options.id, " is not there after ",
                   absl::FormatDuration(options.timeout), "; the issuer goes on with it");
  if (!last.order.id().empty()) absl::StrAppend(&text, "\n  ", OrderProgress(last.order));
  absl::StrAppend(&text, "\n  wait on: norroy order watch ", options.id);
  return MakeError(absl::StatusCode::kDeadlineExceeded, "WAIT_TIMED_OUT", text);
}

// One stream, to its end. `last` holds the newest state seen.
absl::Status ReadStream(Context& context, issuer::v1::OrderService::Stub& orders,
                        const WatchOptions& options, absl::Duration remaining, WatchedOrder& last,
                        bool& heard) {
  grpc::ClientContext call;
  context.SetDeadline(call, remaining);
  issuer::v1::WatchOrderRequest request;
  request.set_id(options.id);
  request.set_until_ready(options.until_ready);
  const auto stream = orders.WatchOrder(&call, request);
  issuer::v1::WatchOrderResponse response;
  while (stream->Read(&response)) {
    heard = true;
    last.order = response.order();
    if (!response.certificate_pem().empty()) last.certificate_pem = response.certificate_pem();
    context.output().Progress(OrderProgress(last.order));
  }
  return rpc::FromGrpc(stream->Finish());
}

}  // namespace

absl::StatusOr<WatchedOrder> WatchOrder(Context& context, issuer::v1::OrderService::Stub& orders,
                                        const WatchOptions& options) {
  WatchedOrder last;
  const absl::Duration start = context.clock().Monotonic();
  absl::Duration last_heard = start;
  absl::Duration pause = kFirstPause;
  while (true) {
    const absl::Duration now = context.clock().Monotonic();
    const absl::Duration remaining = options.timeout - (now - start);
    if (remaining <= absl::ZeroDuration()) return TimedOut(options, last);
    bool heard = false;
    const absl::Status status = ReadStream(context, orders, options, remaining, last, heard);
    if (IsEnd(last.order, options.until_ready)) {
      context.output().EndProgress();
      return last;
    }
    if (heard) {
      last_heard = context.clock().Monotonic();
      pause = kFirstPause;
    }
    const bool broken_off = status.ok() || status.code() == absl::StatusCode::kUnavailable;
    if (!broken_off && status.code() != absl::StatusCode::kDeadlineExceeded) return status;
    if (broken_off && context.clock().Monotonic() - last_heard > kUnreachableLimit) {
      return WithContext(absl::UnavailableError(status.message()), "cannot reach the issuer");
    }
    absl::SleepFor(std::min(pause, remaining));
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace norroy::cli
