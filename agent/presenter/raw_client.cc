#include "agent/presenter/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace norroy::agent {
namespace {

int Connect(const sockaddr* address, socklen_t size) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (connect(fd, address, size) == 0) return fd;
  close(fd);
  return -1;
}

int ConnectUnix(absl::string_view path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return Connect(reinterpret_cast<sockaddr*>(&address), sizeof(address));
}

int ConnectTcp(absl::string_view place) {
  absl::ConsumePrefix(&place, "http://");
  const size_t colon = place.rfind(':');
  int port = 0;
  if (!absl::SimpleAtoi(place.substr(colon + 1), &port)) return -1;
  absl::string_view host = place.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, std::string(host.substr(0, host.size() - 1)).c_str(), &v6.sin6_addr);
    return Connect(reinterpret_cast<sockaddr*>(&v6), sizeof(v6));
  }
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr);
  return Connect(reinterpret_cast<sockaddr*>(&v4), sizeof(v4));
}

}  // namespace

RawClient::RawClient(absl::string_view place) {
  fd_ = absl::ConsumePrefix(&place, "unix:") ? ConnectUnix(place) : ConnectTcp(place);
}

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

bool RawClient::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0) return false;
    bytes.remove_prefix(put);
  }
  return true;
}

std::string RawClient::ReadAll() {
  std::string all;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return all;
    all.append(buffer.data(), got);
  }
}

std::string Exchange(absl::string_view place, absl::string_view request) {
  RawClient client(place);
  client.Send(request);
  return client.ReadAll();
}

std::string Get(absl::string_view place, absl::string_view host, absl::string_view path) {
  return Exchange(place, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
}

std::string BodyOf(absl::string_view response) {
  if (!absl::ConsumePrefix(&response, "HTTP/1.1 200 OK\r\n")) return "";
  const size_t end = response.find("\r\n\r\n");
  return end == absl::string_view::npos ? "" : std::string(response.substr(end + 4));
}

}  // namespace norroy::agent
