#ifndef NORROY_COMMON_DNS_CLIENT_H_
#define NORROY_COMMON_DNS_CLIENT_H_

// Asks one server one question: by UDP with a random port, id and case of letters, by TCP if the
// answer is truncated. An answer counts only if it comes from the server asked, with the id and the
// question that were sent.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/dns/message.h"
#include "common/dns/name.h"

namespace norroy::dns {

// A server by its numeric address.
struct Server {
  std::string address;  // "192.0.2.53", "2001:db8::53"
  int port = 53;

  auto operator<=>(const Server&) const = default;
  // "192.0.2.53:53", "[2001:db8::53]:53"
  std::string text() const;
  // As text() writes it; without a port it is 53. INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::StatusOr<Server> Parse(absl::string_view text);
};

struct Query {
  Name name;
  Type type = Type::kTxt;
  bool recursion_desired = true;
  bool checking_disabled = false;  // CD (RFC 4035 3.2.2)
  bool want_dnssec = false;        // DO, and AD in the answer (RFC 6840 5.7)
};

// Thread-safe; calls block.
class Client {
 public:
  virtual ~Client() = default;
  // Any reply of the server is OK, also SERVFAIL: its rcode says it. DEADLINE_EXCEEDED, reason
  // DNS_TIMEOUT: no answer within `timeout`. UNAVAILABLE, reason DNS_UNREACHABLE: refused,
  // unreachable, or hung up. INVALID_ARGUMENT, reason BAD_DNS_MESSAGE: what came is no answer; or
  // BAD_CONFIG: no numeric address. The message names server, name and type.
  virtual absl::StatusOr<Message> Ask(const Server& server, const Query& query,
                                      absl::Duration timeout) = 0;
};

std::unique_ptr<Client> MakeClient();

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_CLIENT_H_
