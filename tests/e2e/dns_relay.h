#ifndef NORROY_TESTS_E2E_DNS_RELAY_H_
#define NORROY_TESTS_E2E_DNS_RELAY_H_

// What an agent takes for its DNS server: it passes everything on to the real one at 127.0.0.1, and
// stops one update (RFC 2136) at a moment in which a test wants to look, or to kill the agent.

#include <string>

#include "common/dns/misbehaving_server.h"
#include "common/sync/mutex.h"

namespace norroy::harness {

class DnsRelay {
 public:
  enum class Stop {
    kRequest,  // before the server has it; it never will
    kReply,    // when the server has done it, and before the agent hears of it
  };
  // Stops the update with this number; the first is 1.
  DnsRelay(int server_port, int number, Stop stop);
  // Releases.
  ~DnsRelay();
  DnsRelay(const DnsRelay&) = delete;
  DnsRelay& operator=(const DnsRelay&) = delete;

  // "127.0.0.1:5301"
  std::string place() const { return relay_.server().text(); }
  // Whether it is stopped just now.
  bool stopped();
  // Hangs up on whom it holds, and stops nothing more.
  void Release();

 private:
  std::string Tcp(const std::string& query);
  std::string Hold();

  const int server_port_;
  const int number_;
  const Stop stop_;
  Mutex mutex_;
  CondVar changed_;
  int updates_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  dns::MisbehavingServer relay_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_E2E_DNS_RELAY_H_
