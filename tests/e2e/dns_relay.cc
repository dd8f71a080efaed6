#include "tests/e2e/dns_relay.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <vector>

#include "common/check.h"

namespace norroy::harness {
namespace {

// RFC 2136 1.3
constexpr int kUpdate = 5;

int Dial(int type, int port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  NORROY_CHECK(fd >= 0);
  const timeval patience = {.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NORROY_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0);
  return fd;
}

std::vector<std::string> AskByUdp(int port, const std::string& query) {
  const int fd = Dial(SOCK_DGRAM, port);
  send(fd, query.data(), query.size(), MSG_NOSIGNAL);
  std::string reply(65535, '\0');
  const ssize_t n = recv(fd, reply.data(), reply.size(), 0);
  close(fd);
  if (n <= 0) return {};
  reply.resize(static_cast<size_t>(n));
  return {reply};
}

// With its length.
std::string AskByTcp(int port, const std::string& query) {
  const int fd = Dial(SOCK_STREAM, port);
  const std::string framed = dns::Framed(query);
  send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
  std::string reply(2, '\0');
  if (recv(fd, reply.data(), 2, MSG_WAITALL) == 2) {
    const size_t size = static_cast<uint8_t>(reply[0]) * 256u + static_cast<uint8_t>(reply[1]);
    reply.resize(2 + size);
    if (recv(fd, &reply[2], size, MSG_WAITALL) != static_cast<ssize_t>(size)) reply.clear();
  } else {
    reply.clear();
  }
  close(fd);
  return reply;
}

}  // namespace

DnsRelay::DnsRelay(int server_port, int number, Stop stop)
    : server_port_(server_port),
      number_(number),
      stop_(stop),
      relay_([server_port](const std::string& query) { return AskByUdp(server_port, query); },
             [this](const std::string& query) { return Tcp(query); }) {}

DnsRelay::~DnsRelay() { Release(); }

bool DnsRelay::stopped() {
  MutexLock lock(&mutex_);
  return stopped_;
}

void DnsRelay::Release() {
  MutexLock lock(&mutex_);
  released_ = true;
  changed_.SignalAll();
}

std::string DnsRelay::Tcp(const std::string& query) {
  const bool update = query.size() > 2 && (static_cast<uint8_t>(query[2]) >> 3 & 15) == kUpdate;
  bool stop = false;
  if (update) {
    MutexLock lock(&mutex_);
    stop = ++updates_ == number_ && !released_;
  }
  if (stop && stop_ == Stop::kRequest) return Hold();
  const std::string reply = AskByTcp(server_port_, query);
  return stop ? Hold() : reply;
}

std::string DnsRelay::Hold() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  while (!released_) changed_.Wait(&mutex_);
  stopped_ = false;
  return "";
}

}  // namespace norroy::harness
