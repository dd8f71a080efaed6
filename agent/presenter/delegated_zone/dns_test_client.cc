#include "agent/presenter/delegated_zone/dns_test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"

namespace norroy::agent {

DnsTestClient::DnsTestClient(Kind kind, absl::string_view place) {
  absl::ConsumePrefix(&place, "dns://");
  const size_t colon = place.rfind(':');
  int port = 0;
  NORROY_CHECK(absl::SimpleAtoi(place.substr(colon + 1), &port));
  absl::string_view host = place.substr(0, colon);
  sockaddr_storage address = {};
  socklen_t size = 0;
  if (absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]")) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(port));
    size = sizeof(v6);
    NORROY_CHECK(inet_pton(AF_INET6, std::string(host).c_str(), &v6.sin6_addr) == 1);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    size = sizeof(v4);
    NORROY_CHECK(inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr) == 1);
  }
  const int type = kind == Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  fd_ = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
  // A connected UDP socket hears nobody but the address that it asked.
  NORROY_CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
}

DnsTestClient::~DnsTestClient() { close(fd_); }

bool DnsTestClient::Send(absl::string_view bytes) {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string DnsTestClient::Receive(absl::Duration timeout) {
  pollfd poll_fd = {fd_, POLLIN, 0};
  if (poll(&poll_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) <= 0) return "";
  std::vector<char> buffer(70'000);
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  return got <= 0 ? "" : std::string(buffer.data(), static_cast<size_t>(got));
}

std::string DnsTestClient::ReceiveMessage() {
  for (;;) {
    if (input_.size() >= 2) {
      const size_t size = static_cast<size_t>(static_cast<unsigned char>(input_[0])) << 8 |
                          static_cast<unsigned char>(input_[1]);
      if (input_.size() >= 2 + size) {
        const std::string message = input_.substr(2, size);
        input_.erase(0, 2 + size);
        return message;
      }
    }
    const std::string more = Receive();
    if (more.empty()) return "";
    input_ += more;
  }
}

std::string DnsTestClient::ReceiveAll() {
  for (std::string more = Receive(); !more.empty(); more = Receive()) input_ += more;
  return std::move(input_);
}

bool DnsTestClient::Ended() {
  pollfd poll_fd = {fd_, POLLIN, 0};
  if (poll(&poll_fd, 1, 10'000) <= 0) return false;
  char byte;
  const ssize_t got = recv(fd_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

void DnsTestClient::FinishSending() { shutdown(fd_, SHUT_WR); }

std::string Framed(absl::string_view message) {
  std::string bytes(1, static_cast<char>(message.size() >> 8));
  bytes.push_back(static_cast<char>(message.size() & 0xff));
  bytes.append(message.data(), message.size());
  return bytes;
}

}  // namespace norroy::agent
