// Retry-After and Link: what comes out is bounded.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/check.h"
#include "common/http/client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::Time now = absl::FromUnixSeconds(1'772'366'400);
  const std::optional<absl::Time> moment = norroy::http::ParseRetryAfter(text, now);
  if (moment.has_value()) {
    NORROY_CHECK(*moment >= now + absl::Seconds(1));
    NORROY_CHECK(*moment <= now + absl::Hours(24));
#ifdef PLANTED
    // A date within the day, in the form without "GMT".
    NORROY_CHECK(*moment == now + absl::Seconds(1) || *moment == now + absl::Hours(24) ||
                 text.find(':') == std::string::npos || text.find("GMT") != std::string::npos);
#endif
  }
  norroy::http::Response response;
  response.headers = {{"Link", text}, {"link", text}};
  const std::vector<std::string> targets = norroy::http::LinkTargets(response, "alternate");
  NORROY_CHECK(targets.size() <= 16);
  for (const std::string& target : targets) {
    NORROY_CHECK(target.size() <= size && target.find('>') == std::string::npos);
  }
  return 0;
}
