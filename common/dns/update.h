#ifndef NORROY_COMMON_DNS_UPDATE_H_
#define NORROY_COMMON_DNS_UPDATE_H_

// Dynamic updates (RFC 2136) of single TXT values, signed by TSIG (RFC 8945), over TCP.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/crypto/secret.h"
#include "common/dns/client.h"
#include "common/dns/name.h"

namespace norroy::dns {

enum class TsigAlgorithm { kHmacSha256, kHmacSha512 };

struct TsigKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::kHmacSha256;
  crypto::Secret secret;  // the raw key
};

struct TxtChange {
  bool add = true;  // else remove exactly this value
  Name zone;
  Name owner;
  std::string value;  // at most 255 bytes
  uint32_t ttl = 60;  // seconds; of what is added
};

// Thread-safe; calls block.
class Updater {
 public:
  virtual ~Updater() = default;
  // Adding what is there and removing what is not are OK. FAILED_PRECONDITION: reason TSIG_BADKEY,
  // TSIG_BADSIG, TSIG_BADTIME (the message says by how much the clocks differ, if the server told),
  // UPDATE_REFUSED, UPDATE_NOTAUTH, UPDATE_NOTZONE, or UPDATE_FAILED with the rcode. An answer
  // whose own TSIG does not hold is TSIG_BADSIG. INVALID_ARGUMENT: reason BAD_UPDATE for a change
  // or key that cannot be sent, BAD_DNS_MESSAGE for what is no answer to it. UNAVAILABLE /
  // DEADLINE_EXCEEDED as Client: the server may have made the change.
  virtual absl::Status Change(const TxtChange& change, absl::Duration timeout) = 0;
};

std::unique_ptr<Updater> MakeUpdater(Server server, TsigKey key);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_UPDATE_H_
