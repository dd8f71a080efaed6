#ifndef NORROY_AGENT_PRESENTER_LISTEN_SET_H_
#define NORROY_AGENT_PRESENTER_LISTEN_SET_H_

// The addresses of one responder, parsed together and bound together: all of them or none.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/listen_address.h"

namespace norroy::agent {

inline constexpr int kMaxListenAddresses = 16;

// 1 to kMaxListenAddresses addresses as a configuration lists them. INVALID_ARGUMENT, reason
// BAD_CONFIG; `who` begins what is said of their number.
absl::StatusOr<std::vector<ListenAddress>> ParseListen(absl::string_view who,
                                                       const std::vector<std::string>& texts);

// Sockets that listen. Movable; closes them, and unlinks what it bound in the file system.
class ListenSet {
 public:
  // `scheme` begins each place.
  static absl::StatusOr<ListenSet> Bind(const std::vector<ListenAddress>& addresses,
                                        absl::string_view scheme);
  ListenSet(ListenSet&& other) noexcept = default;
  ListenSet& operator=(ListenSet&& other) = delete;
  ~ListenSet();

  // In the order of the addresses.
  const std::vector<BoundSocket>& sockets() const { return sockets_; }

 private:
  ListenSet() = default;
  std::vector<BoundSocket> sockets_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_LISTEN_SET_H_
