#ifndef NORROY_AGENT_PRESENTER_RFC2136_RFC2136_H_
#define NORROY_AGENT_PRESENTER_RFC2136_RFC2136_H_

// TXT values by dynamic updates (RFC 2136) signed by TSIG (RFC 8945): BIND, Knot, PowerDNS and
// what else takes them. Every change is read back from the server that took it.
//
// Give the key no more than it needs; in BIND:
//
//   zone "acme.example.net" { ...; update-policy { grant norroy subdomain acme.example.net. TXT; };
//   };

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/dns/txt_writer.h"
#include "common/dns/client.h"
#include "common/dns/name.h"
#include "common/dns/update.h"

namespace norroy::agent {

struct Rfc2136Options {
  dns::Server server;            // the zones' primary
  std::vector<dns::Name> zones;  // as the server has them; 1 to 100
  dns::TsigKey key;
  uint32_t ttl = 60;  // seconds; at most a day

  absl::Duration timeout = absl::Seconds(5);  // of one exchange with the server
  // One change of an owner at a time: for how long another one may be waited for. With all that
  // follows this stays under kPresenterDeadline.
  absl::Duration turn = absl::Seconds(20);
  // For how long the server may go on answering what was before an update that it took.
  absl::Duration settle = absl::Seconds(5);
};

// Errors of the writer: those of dns::Updater and dns::Client (DNS_TIMEOUT also for a turn that did
// not come); FAILED_PRECONDITION, reason
// FOREIGN_ZONE for an owner outside the zones, NOT_AUTHORITATIVE, or UPDATE_NOT_VISIBLE for an
// update that the server took and does not answer: it is taken back.
//
// `client` outlives the writer. INVALID_ARGUMENT, reason BAD_CONFIG.
absl::StatusOr<std::unique_ptr<TxtWriter>> MakeRfc2136(Rfc2136Options options, dns::Client& client);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_RFC2136_RFC2136_H_
