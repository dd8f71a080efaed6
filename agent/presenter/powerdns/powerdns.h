#ifndef NORROY_AGENT_PRESENTER_POWERDNS_POWERDNS_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_POWERDNS_H_

// TXT values in zones of a PowerDNS authoritative server, through its HTTP API ("/api/v1").
//
// Servers from 5.0.2 on add and remove one value by themselves (EXTEND, PRUNE). For older ones
// (4.7, say) the owner's whole TXT set is read, changed, written (REPLACE, or DELETE when nothing
// is left) and read again, one writer at a time per owner in this process. If the value is not
// there then, somebody else wrote in between: it is tried again, three times in all. What this
// cannot see is a writer in another process that overwrites the set after the reading again: with
// such servers let one agent alone write an owner.
//
// Values, TTL, disabled records and comments that others made stay; comments go when the last
// value does, and disabled records of old servers are not seen in a zone of more than 4 MiB. What
// is read back is the server's database, by the API: PowerDNS purges its own caches when the API
// writes, but secondaries and other servers on the same database may answer from theirs for some
// seconds.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/dns/txt_writer.h"
#include "common/crypto/secret.h"
#include "common/dns/name.h"

namespace norroy::agent {

struct PowerdnsOptions {
  // As ApiUrl has it: https, or http to a loopback address.
  std::string url;
  crypto::Secret api_key;  // printable, at most 512 bytes
  std::vector<dns::Name> zones;
  // PowerDNS's own word for itself.
  std::string server_id = "localhost";
  std::string root_file;  // for https: PEM; empty: the system's CAs
  uint32_t ttl = 60;      // seconds; of a set that is new; 1 to 86400
  // Of one Add or Remove once it is its turn, for which it waits no longer than this either.
  absl::Duration timeout = absl::Seconds(20);
};

// INVALID_ARGUMENT, reason BAD_CONFIG; FAILED_PRECONDITION, reason BAD_ROOT_FILE. Asks nobody.
absl::Status CheckPowerdns(const PowerdnsOptions& options);

// As CheckPowerdns. The writer's errors, all of which name the server's URL: those of ApiClient;
// FAILED_PRECONDITION: POWERDNS_API_KEY (401), POWERDNS_NO_ZONE (404: no such zone or server id),
// POWERDNS_REFUSED (422, or another 4xx, with PowerDNS's own words), POWERDNS_REDIRECT;
// UNAVAILABLE: POWERDNS_FAILED (5xx), POWERDNS_BAD_REPLY; ABORTED: POWERDNS_CONTENDED, when others
// won three times; DEADLINE_EXCEEDED: POWERDNS_TIMEOUT. After a failed Add the value is taken out
// again, if the server lets us.
absl::StatusOr<std::unique_ptr<TxtWriter>> MakePowerdns(PowerdnsOptions options);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_POWERDNS_H_
