#ifndef NORROY_VALIDATOR_PREFLIGHT_VIEWPOINT_H_
#define NORROY_VALIDATOR_PREFLIGHT_VIEWPOINT_H_

// From where and by what means every look is made.

#include <vector>

#include "common/clock/clock.h"
#include "common/dns/client.h"
#include "validator/preflight/address_guard.h"
#include "validator/preflight/crew.h"

namespace norroy::validator::preflight {

// Those that the CA connects to.
struct Ports {
  int http = 80;
  int tls = 443;
  int dns = 53;
};

// Thread-safe as its parts are. What it refers to outlives it.
struct Viewpoint {
  dns::Client& client;
  std::vector<dns::Server> resolvers;
  const AddressGuard& guard;
  Ports ports;
  Clock& clock;  // the wall clock: for what expires
  Crew& crew;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_VIEWPOINT_H_
