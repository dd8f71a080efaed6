#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DELEGATED_ZONE_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DELEGATED_ZONE_H_

// DNS-01 (RFC 8555 8.4) without a DNS server to write to: the agent itself answers,
// authoritatively, for a small zone that holds challenge values and nothing else. Somebody
// delegates the zone to the agents once (NS records at its parent) and points names into it:
//
//   acme.example.net.                 NS     agent1.example.net.
//   _acme-challenge.www.example.com.  CNAME  www-example-com.acme.example.net.
//
// Several agents may serve one zone: each is told every value. No zone transfer, no recursion, no
// DNSSEC, no ANY.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/delegated_zone/dns_server.h"
#include "agent/presenter/delegated_zone/response_limiter.h"
#include "agent/presenter/delegated_zone/zone_table.h"
#include "agent/presenter/dns/txt_writer.h"
#include "common/clock/clock.h"
#include "common/dns/name.h"

namespace norroy::agent {

inline constexpr size_t kMaxNameServers = 8;
// Leaves room below it for names, and for "hostmaster" in the SOA.
inline constexpr size_t kMaxDelegatedZone = 200;

struct DelegatedZoneOptions {
  dns::Name zone;
  // See listen_address.h; each is opened for UDP and TCP, but "fd:" is what it is.
  std::vector<std::string> listen;
  // Targets of the zone's NS records: names of the agents' hosts, outside the zone (there are no
  // addresses in it); 1 to 8. The same for every agent of the zone.
  std::vector<dns::Name> name_servers;
  // By UDP to one network (/24, /56); see response_limiter.h.
  int responses_per_second = 20;
  DnsServerOptions server;
  // Of the rate limit; outlives the zone; the machine's if null.
  Clock* clock = nullptr;
};

class DelegatedZone final : public TxtWriter {
 public:
  // What can be said without opening anything. INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::Status Check(const DelegatedZoneOptions& options);
  static absl::StatusOr<std::unique_ptr<DelegatedZone>> Start(const DelegatedZoneOptions& options);

  absl::string_view kind() const override { return "delegated_zone"; }
  // The places, joined by ", ".
  const std::string& place() const override { return place_; }
  const std::vector<dns::Name>& zones() const override { return zones_; }

  // Both return at once, and hold for every query that comes after that. Errors as ZoneTable::Add.
  absl::Status Add(const dns::Name& owner, const std::string& value) override;
  absl::Status Remove(const dns::Name& owner, const std::string& value) override;
  // Served: answers with TXT values. Unknown: TXT queries for names of the zone without any.
  Answers answers() override;

  // Where it listens, in the order of `listen`, ports resolved, each once: "dns://127.0.0.1:5353".
  const std::vector<std::string>& places() const { return places_; }

 private:
  explicit DelegatedZone(const DelegatedZoneOptions& options);
  // On the server's thread.
  std::string Handle(absl::string_view message, DnsTransport transport,
                     const sockaddr_storage& peer);

  const std::vector<dns::Name> zones_;
  std::vector<std::string> places_;
  std::string place_;
  ZoneTable table_;
  SystemClock system_clock_;
  Clock& clock_;
  ResponseLimiter limiter_;  // of the server's thread
  std::atomic<int64_t> served_{0};
  std::atomic<int64_t> unknown_{0};
  std::unique_ptr<DnsServer> server_;  // last: it uses all of these until it is gone
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DELEGATED_ZONE_H_
