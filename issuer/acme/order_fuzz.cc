// Orders: what parses has names in order, URLs that we follow, and what its status promises.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/order.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::Order;
using norroy::acme::OrderStatus;
using norroy::acme::UrlPolicy;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const UrlPolicy* const policy =
      new UrlPolicy(*UrlPolicy::Make("https://ca.example/dir", {}));
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Order> order = Order::Parse(text, "https://ca.example/order/1", *policy);
  if (!order.ok()) {
    const absl::string_view message = order.status().message();
    NORROY_CHECK(!norroy::ErrorReason(order.status()).empty());
    NORROY_CHECK(norroy::Printable(message, 8192) == message);
    return 0;
  }
  NORROY_CHECK(!order->names.empty() && order->names.size() <= 100);
  NORROY_CHECK(std::is_sorted(order->names.begin(), order->names.end()));
  NORROY_CHECK(order->authorizations.size() <= 100);
  for (const std::string& url : order->authorizations) {
    NORROY_CHECK(policy->Check("a test", url).ok());
  }
  NORROY_CHECK(policy->Check("a test", order->finalize).ok());
#ifdef PLANTED
  if (order->error.has_value()) {
    NORROY_CHECK(order->error->detail.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                 std::string::npos);
  }
#endif
  NORROY_CHECK(order->certificate.empty() || policy->Check("a test", order->certificate).ok());
  NORROY_CHECK(order->status != OrderStatus::kValid || !order->certificate.empty());
  return 0;
}
