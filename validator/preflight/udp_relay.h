#ifndef NORROY_VALIDATOR_PREFLIGHT_UDP_RELAY_H_
#define NORROY_VALIDATOR_PREFLIGHT_UDP_RELAY_H_

// Gives a name server on 127.0.0.1 another loopback address and port. BIND listens only where an
// interface has the address, and of a zone's servers every one has the same port. For tests.

#include <atomic>
#include <string>
#include <thread>

namespace norroy::validator::preflight {

class UdpRelay {
 public:
  // Passes datagrams to `address`:`port` on to 127.0.0.1:`to`, and one answer to each back.
  UdpRelay(const std::string& address, int port, int to);
  ~UdpRelay();

 private:
  void Work();
  void PassOn();

  int front_ = -1;
  const int to_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_UDP_RELAY_H_
