// Configuration files: what is accepted is written and read again unchanged; what is refused is
// refused with a place.

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/check.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "norroy/config/v1/agent.pb.h"
#include "norroy/config/v1/issuer.pb.h"
#include "norroy/config/v1/validator.pb.h"

namespace {

using norroy::config::v1::AgentConfig;

// What was read; empty if it was refused.
template <typename Config>
Config Check(absl::string_view text) {
  Config config;
  const absl::Status status = norroy::config::ParseYaml(text, "f.yaml", config);
  if (!status.ok()) {
    NORROY_CHECK(norroy::ErrorReason(status) == "BAD_CONFIG");
    NORROY_CHECK(absl::StartsWith(status.message(), "f.yaml:"));
    NORROY_CHECK(norroy::Printable(status.message(), 8192) == status.message());
    return {};
  }
  const std::string written = norroy::config::ToYaml(config);
  Config again;
  NORROY_CHECK(norroy::config::ParseYaml(written, "again.yaml", again).ok());
  NORROY_CHECK(google::protobuf::util::MessageDifferencer::Equals(config, again));
  NORROY_CHECK(norroy::config::ToYaml(again) == written);
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  Check<norroy::config::v1::IssuerConfig>(text);
  Check<norroy::config::v1::ValidatorConfig>(text);
  const AgentConfig agent = Check<AgentConfig>(text);
#ifdef PLANTED
  for (const std::string& host : agent.http_listener().accept_hosts()) {
    NORROY_CHECK(agent.http_listener().match() != norroy::config::v1::HTTP_MATCH_TOKEN ||
                 std::none_of(host.begin(), host.end(), absl::ascii_isdigit));
  }
#else
  NORROY_CHECK(agent.http_listener().match() <= norroy::config::v1::HTTP_MATCH_TOKEN);
#endif
  return 0;
}
