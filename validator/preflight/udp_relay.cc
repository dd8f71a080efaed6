#include "validator/preflight/udp_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"

namespace norroy::validator::preflight {
namespace {

constexpr int kPollMs = 10;
constexpr int kAnswerMs = 2000;

sockaddr_in At(const std::string& address, int port) {
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  NORROY_CHECK(inet_pton(AF_INET, address.c_str(), &at.sin_addr) == 1);
  return at;
}

bool Readable(int fd, int timeout_ms) {
  pollfd waiting = {fd, POLLIN, 0};
  return poll(&waiting, 1, timeout_ms) > 0;
}

}  // namespace

UdpRelay::UdpRelay(const std::string& address, int port, int to)
    : front_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), to_(to) {
  const sockaddr_in at = At(address, port);
  NORROY_CHECK(bind(front_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0);
  thread_ = std::thread([this] { Work(); });
}

UdpRelay::~UdpRelay() {
  stopping_ = true;
  thread_.join();
  close(front_);
}

void UdpRelay::Work() {
  while (!stopping_) {
    if (Readable(front_, kPollMs)) PassOn();
  }
}

void UdpRelay::PassOn() {
  char buffer[4096];
  sockaddr_in from = {};
  socklen_t from_size = sizeof(from);
  const ssize_t got =
      recvfrom(front_, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
  if (got <= 0) return;
  const int back = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = At("127.0.0.1", to_);
  sendto(back, buffer, static_cast<size_t>(got), 0, reinterpret_cast<const sockaddr*>(&to),
         sizeof(to));
  if (Readable(back, kAnswerMs)) {
    const ssize_t answer = recv(back, buffer, sizeof(buffer), 0);
    if (answer > 0) {
      sendto(front_, buffer, static_cast<size_t>(answer), 0,
             reinterpret_cast<const sockaddr*>(&from), from_size);
    }
  }
  close(back);
}

}  // namespace norroy::validator::preflight
