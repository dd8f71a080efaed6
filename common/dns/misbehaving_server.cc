#include "common/dns/misbehaving_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::dns {
namespace {

// A socket on this port (0: any) of 127.0.0.1; -1 if it is taken.
int Bound(int type, int& port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  NORROY_CHECK(fd >= 0);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(where);
  auto* const address = reinterpret_cast<sockaddr*>(&where);
  if (bind(fd, address, size) != 0) {
    close(fd);
    return -1;
  }
  NORROY_CHECK(getsockname(fd, address, &size) == 0);
  port = ntohs(where.sin_port);
  return fd;
}

std::string ReadExactly(int fd, size_t count) {
  std::string bytes(count, '\0');
  return recv(fd, bytes.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count) ? bytes : "";
}

}  // namespace

std::string Framed(const std::string& message) {
  std::string bytes;
  bytes.push_back(static_cast<char>(message.size() >> 8));
  bytes.push_back(static_cast<char>(message.size() & 0xff));
  return bytes + message;
}

MisbehavingServer::MisbehavingServer(Udp udp, Tcp tcp) {
  NORROY_CHECK(pipe2(stop_, O_CLOEXEC) == 0);
  server_ = {.address = "127.0.0.1", .port = 0};
  for (int i = 0; i < 100 && (udp_ < 0 || tcp_ < 0); ++i) {
    if (udp_ >= 0) close(udp_);
    server_.port = 0;
    udp_ = Bound(SOCK_DGRAM, server_.port);
    tcp_ = Bound(SOCK_STREAM, server_.port);
  }
  NORROY_CHECK(udp_ >= 0 && tcp_ >= 0);
  if (udp) {
    threads_.emplace_back([this, udp] { ServeUdp(udp); });
  } else {
    close(udp_);
  }
  // Bound and not listening, the port refuses.
  if (!tcp) return;
  NORROY_CHECK(listen(tcp_, 8) == 0);
  threads_.emplace_back([this, tcp] { ServeTcp(tcp); });
}

MisbehavingServer::~MisbehavingServer() {
  close(stop_[1]);
  for (std::thread& thread : threads_) thread.join();
  close(stop_[0]);
  close(tcp_);
}

bool MisbehavingServer::WaitFor(int fd) {
  pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_[0], .events = POLLIN}};
  return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

void MisbehavingServer::ServeUdp(const Udp& udp) {
  while (WaitFor(udp_)) {
    std::string query(65535, '\0');
    sockaddr_in peer = {};
    socklen_t size = sizeof(peer);
    auto* const address = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = recvfrom(udp_, query.data(), query.size(), MSG_DONTWAIT, address, &size);
    if (n < 0) continue;
    query.resize(static_cast<size_t>(n));
    for (const std::string& packet : udp(query)) {
      sendto(udp_, packet.data(), packet.size(), 0, address, size);
    }
  }
  close(udp_);
}

void MisbehavingServer::ServeTcp(const Tcp& tcp) {
  while (WaitFor(tcp_)) {
    const int fd = accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::string length = ReadExactly(fd, 2);
    if (length.size() == 2) {
      const size_t size = static_cast<uint8_t>(length[0]) * 256u + static_cast<uint8_t>(length[1]);
      const std::string reply = tcp(ReadExactly(fd, size));
      send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
    shutdown(fd, SHUT_WR);
    close(fd);
  }
}

}  // namespace norroy::dns
