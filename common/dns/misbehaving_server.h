#ifndef NORROY_COMMON_DNS_MISBEHAVING_SERVER_H_
#define NORROY_COMMON_DNS_MISBEHAVING_SERVER_H_

// A DNS server on 127.0.0.1 that sends whatever a test tells it to.

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/dns/client.h"

namespace norroy::dns {

class MisbehavingServer {
 public:
  // The packets that answer a query, in order.
  using Udp = std::function<std::vector<std::string>(const std::string& query)>;
  // The bytes that answer a message, its length included or not; then the server hangs up.
  using Tcp = std::function<std::string(const std::string& query)>;
  // Null: nothing listens there.
  MisbehavingServer(Udp udp, Tcp tcp);
  ~MisbehavingServer();
  MisbehavingServer(const MisbehavingServer&) = delete;
  MisbehavingServer& operator=(const MisbehavingServer&) = delete;

  const Server& server() const { return server_; }

 private:
  void ServeUdp(const Udp& udp);
  void ServeTcp(const Tcp& tcp);
  bool WaitFor(int fd);

  Server server_;
  int stop_[2];
  int udp_ = -1;
  int tcp_ = -1;
  std::vector<std::thread> threads_;
};

// With the length in front that TCP wants.
std::string Framed(const std::string& message);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_MISBEHAVING_SERVER_H_
