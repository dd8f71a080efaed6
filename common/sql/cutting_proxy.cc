#include "common/sql/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "common/check.h"

namespace norroy::sql {
namespace {

constexpr int kLookEveryMs = 50;
// A simple query, as libpq sends it: type, length, text and its NUL.
constexpr char kCommit[] =
    "Q\0\0\0\x0b"
    "COMMIT";

bool Readable(int file, int timeout_ms) {
  pollfd one = {.fd = file, .events = POLLIN, .revents = 0};
  return poll(&one, 1, timeout_ms) > 0;
}

std::string Receive(int file) {
  char buffer[65536];
  const ssize_t size = recv(file, buffer, sizeof(buffer), 0);
  return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

bool SendAll(int file, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t size = send(file, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

int ConnectTo(const std::string& path) {
  const int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (connect(file, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return file;
  close(file);
  return -1;
}

}  // namespace

CuttingProxy::CuttingProxy(std::string socket) : socket_(std::move(socket)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  NORROY_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  NORROY_CHECK(listen(listener_, 64) == 0);
  NORROY_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

CuttingProxy::~CuttingProxy() {
  stopping_ = true;
  acceptor_.join();
  close(listener_);
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void CuttingProxy::Accept() {
  while (!stopping_) {
    if (!Readable(listener_, kLookEveryMs)) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    MutexLock lock(&mutex_);
    threads_.emplace_back([this, client] {
      const int server = ConnectTo(socket_);
      if (server >= 0) {
        Pump(client, server);
        close(server);
      }
      close(client);
    });
  }
}

void CuttingProxy::Pump(int client, int server) {
  while (!stopping_) {
    pollfd both[] = {{.fd = client, .events = POLLIN, .revents = 0},
                     {.fd = server, .events = POLLIN, .revents = 0}};
    if (poll(both, 2, kLookEveryMs) <= 0) continue;
    if (both[0].revents != 0 && !FromClient(client, server)) return;
    if (both[1].revents == 0) continue;
    const std::string answer = Receive(server);
    if (answer.empty() || !SendAll(client, answer)) return;
  }
}

bool CuttingProxy::FromClient(int client, int server) {
  const std::string bytes = Receive(client);
  if (bytes.empty()) return false;
  const std::string commit(kCommit, sizeof(kCommit));
  const bool commits = bytes.size() >= commit.size() &&
                       bytes.compare(bytes.size() - commit.size(), commit.size(), commit) == 0;
  const Cut cut = commits ? next_.exchange(Cut::kNone) : Cut::kNone;
  if (cut == Cut::kNone) return SendAll(server, bytes);
  ++cuts_;
  if (cut != Cut::kBefore) SendAll(server, bytes);
  if (cut == Cut::kAfter) Readable(server, 10'000);
  return false;
}

}  // namespace norroy::sql
