#include "agent/presenter/listen_set.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {

absl::StatusOr<std::vector<ListenAddress>> ParseListen(absl::string_view who,
                                                       const std::vector<std::string>& texts) {
  if (texts.empty() || texts.size() > kMaxListenAddresses) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                     absl::StrCat(who, ": listen has ", texts.size(), " addresses, not 1 to ",
                                  kMaxListenAddresses));
  }
  std::vector<ListenAddress> addresses;
  for (const std::string& text : texts) {
    NORROY_ASSIGN_OR_RETURN(ListenAddress address, ListenAddress::Parse(text));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

absl::StatusOr<ListenSet> ListenSet::Bind(const std::vector<ListenAddress>& addresses,
                                          absl::string_view scheme) {
  ListenSet set;
  for (const ListenAddress& address : addresses) {
    NORROY_ASSIGN_OR_RETURN(BoundSocket socket, address.Bind(scheme));
    set.sockets_.push_back(std::move(socket));
  }
  return set;
}

ListenSet::~ListenSet() {
  for (const BoundSocket& socket : sockets_) {
    close(socket.fd);
    if (!socket.unix_path.empty()) unlink(socket.unix_path.c_str());
  }
}

}  // namespace norroy::agent
