#ifndef NORROY_VALIDATOR_PREFLIGHT_OUTCOME_H_
#define NORROY_VALIDATOR_PREFLIGHT_OUTCOME_H_

// What a look at one of a name's addresses came to, and what those of all its addresses mean
// together: CAs try IPv6 first and fall back on IPv4 only if nothing answers there.

#include <string>
#include <utility>
#include <vector>

#include "validator/preflight/address.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/tcp_dial.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

enum class Seen {
  kRight,
  kUnreached,  // no connection: a CA would fall back
  kWrong,      // something else answered: a CA would not
  kNoRoute,    // this viewpoint has no way there
  kForbidden,  // AddressGuard
  kCutShort,   // the look's time was over: says nothing of the address
};

struct Outcome {
  Seen seen = Seen::kRight;
  Finding finding;  // unless kRight
};

Outcome Wrong(absl::string_view code, absl::string_view message, absl::string_view advice);

// The look's time was over before <what>.
Outcome CutShort(absl::string_view what);

// Asks the guard, then connects. With a fault, its outcome; `whose`: "www.example.com".
struct Connected {
  std::unique_ptr<Stream> stream;  // null with an outcome
  Outcome outcome;
};
Connected Connect(const Viewpoint& viewpoint, const std::string& whose, const Address& address,
                  int port, const Deadline& deadline);

// The address and what was seen there, for each address of `name`.
using Outcomes = std::vector<std::pair<Address, Outcome>>;
void Judge(const std::string& name, const Outcomes& outcomes, Sight& sight);

// One look at each of the addresses, at the same time. Without addresses: NO_ADDRESS.
Sight LookAtEach(const Viewpoint& viewpoint, const std::string& name,
                 const std::vector<Address>& addresses,
                 const std::function<Outcome(const Address&)>& look);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_OUTCOME_H_
