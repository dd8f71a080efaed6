#ifndef NORROY_AGENT_PRESENTER_POWERDNS_ZONE_API_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_ZONE_API_H_

// The three questions to PowerDNS's API that are asked here, with what its refusals mean.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/dns/owner_turns.h"
#include "agent/presenter/powerdns/api_client.h"
#include "agent/presenter/powerdns/txt_set.h"
#include "common/clock/clock.h"
#include "common/dns/name.h"

namespace norroy::agent {

// How much time is left for several requests together, and where they go.
class Budget {
 public:
  explicit Budget(absl::Duration time, std::vector<std::string> to = {})
      : addresses(std::move(to)), end_(clock_.Monotonic() + time) {}
  // Not negative.
  absl::Duration left() { return std::max(end_ - clock_.Monotonic(), absl::ZeroDuration()); }

  // The server's, looked up by the first request, within the time.
  std::vector<std::string> addresses;

 private:
  SystemClock clock_;
  const absl::Duration end_;
};

// Thread-safe; calls block. Errors as MakePowerdns says.
class ZoneApi {
 public:
  ZoneApi(std::unique_ptr<ApiClient> client, std::string server_id)
      : client_(std::move(client)), server_id_(std::move(server_id)) {}

  // Can the server EXTEND and PRUNE? Asked once.
  absl::StatusOr<bool> Extends(Budget& budget);
  // What is served; servers leave out disabled records here (4.7) or not (5).
  absl::StatusOr<TxtSet> Read(const dns::Name& zone, const dns::Name& owner, Budget& budget);
  // With what is disabled, out of the whole zone; as Read if that is too large.
  absl::StatusOr<TxtSet> ReadAll(const dns::Name& zone, const dns::Name& owner, Budget& budget);
  // The body is of txt_set.h. One change at a time, and a 5xx is tried again, three times in all:
  // on SQLite a PowerDNS fails what meets another change.
  absl::Status Patch(const dns::Name& zone, const std::string& body, Budget& budget);

 private:
  absl::StatusOr<ApiReply> Send(const ApiRequest& request, Budget& budget);
  absl::StatusOr<ApiReply> SendAgainOn5xx(const ApiRequest& request, Budget& budget);
  absl::StatusOr<TxtSet> ReadFrom(const std::string& target, const dns::Name& zone,
                                  const dns::Name& owner, Budget& budget);
  absl::Status Refusal(const ApiReply& reply, const std::string& what) const;
  absl::Status Error(absl::StatusCode code, absl::string_view reason,
                     const std::string& message) const;
  std::string ZonePath(const dns::Name& zone) const;

  const std::unique_ptr<ApiClient> client_;
  const std::string server_id_;
  OwnerTurns patching_{1};
  enum class Knowledge { kUnknown, kNo, kYes };
  std::atomic<Knowledge> extends_ = Knowledge::kUnknown;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_ZONE_API_H_
