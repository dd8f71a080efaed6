#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_UDP_SOCKET_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_UDP_SOCKET_H_

// Datagrams that are answered from the address they were sent to. A socket of "0.0.0.0" or "[::]"
// would else answer from whatever address its host's routes prefer, and resolvers drop that.

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

#include "absl/strings/string_view.h"

namespace norroy::agent {

struct Datagram {
  sockaddr_storage peer = {};
  socklen_t peer_size = 0;
  size_t size = 0;   // of the bytes in the buffer
  bool cut = false;  // it was longer than the buffer
  // The address it came to; the family says which; AF_UNSPEC: not told.
  int local_family = AF_UNSPEC;
  in_pktinfo local_v4 = {};
  in6_pktinfo local_v6 = {};
};

// Once, for a bound UDP socket of IPv4 or IPv6 (or both).
void PrepareUdpSocket(int fd);
// False: nothing waits (or an error that another read may not have).
bool ReceiveDatagram(int fd, char* buffer, size_t size, Datagram& datagram);
// Does not wait: what the kernel has no room for is lost, as datagrams may be.
void AnswerDatagram(int fd, const Datagram& datagram, absl::string_view bytes);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_UDP_SOCKET_H_
