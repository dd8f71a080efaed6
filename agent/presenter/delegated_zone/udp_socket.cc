#include "agent/presenter/delegated_zone/udp_socket.h"

#include <sys/uio.h>

#include <array>
#include <cstring>

namespace norroy::agent {
namespace {

// Room for one packet-info message of either family.
constexpr size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));

void ReadLocalAddress(msghdr& message, Datagram& datagram) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      std::memcpy(&datagram.local_v4, CMSG_DATA(c), sizeof(datagram.local_v4));
      datagram.local_family = AF_INET;
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      std::memcpy(&datagram.local_v6, CMSG_DATA(c), sizeof(datagram.local_v6));
      datagram.local_family = AF_INET6;
    }
  }
}

template <typename Info>
void WriteLocalAddress(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof(info));
  cmsghdr* const c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(c), &info, sizeof(info));
}

}  // namespace

void PrepareUdpSocket(int fd) {
  const int on = 1;
  // Each fails for the other family; a socket of both families takes both.
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
  setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
  // Answers fit any usual path; a forged "packet too big" must not make fragments of them.
  const int omit = IP_PMTUDISC_OMIT;
  setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof(omit));
  const int omit6 = IPV6_PMTUDISC_OMIT;
  setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit6, sizeof(omit6));
}

bool ReceiveDatagram(int fd, char* buffer, size_t size, Datagram& datagram) {
  datagram = Datagram();
  alignas(cmsghdr) std::array<char, kControlSize> control;
  iovec data = {buffer, size};
  msghdr message = {};
  message.msg_name = &datagram.peer;
  message.msg_namelen = sizeof(datagram.peer);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
  if (got < 0) return false;
  datagram.size = static_cast<size_t>(got);
  datagram.cut = (message.msg_flags & MSG_TRUNC) != 0;
  datagram.peer_size = message.msg_namelen;
  ReadLocalAddress(message, datagram);
  return true;
}

void AnswerDatagram(int fd, const Datagram& datagram, absl::string_view bytes) {
  alignas(cmsghdr) std::array<char, kControlSize> control = {};
  sockaddr_storage peer = datagram.peer;
  iovec data = {const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message = {};
  message.msg_name = &peer;
  message.msg_namelen = datagram.peer_size;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  if (datagram.local_family == AF_INET) {
    // The source address alone: the way back is the routes' affair.
    in_pktinfo info = {};
    info.ipi_spec_dst = datagram.local_v4.ipi_spec_dst;
    WriteLocalAddress(message, IPPROTO_IP, IP_PKTINFO, info);
  } else if (datagram.local_family == AF_INET6) {
    in6_pktinfo info = {};
    info.ipi6_addr = datagram.local_v6.ipi6_addr;
    // A link-local address means something on its link alone.
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
      info.ipi6_ifindex = datagram.local_v6.ipi6_ifindex;
    }
    WriteLocalAddress(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    message.msg_control = nullptr;
  }
  sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace norroy::agent
