#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_TEST_CLIENT_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_TEST_CLIENT_H_

// Sockets that send exactly the bytes they are told to a DNS server: for tests of it.

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::agent {

// `place`: "dns://127.0.0.1:5353", "dns://[::1]:5353".
class DnsTestClient {
 public:
  enum class Kind { kUdp, kTcp };
  DnsTestClient(Kind kind, absl::string_view place);
  ~DnsTestClient();
  DnsTestClient(const DnsTestClient&) = delete;
  DnsTestClient& operator=(const DnsTestClient&) = delete;

  bool Send(absl::string_view bytes);
  // A datagram, or what came next by TCP; empty: nothing within `timeout`, or the end.
  std::string Receive(absl::Duration timeout = absl::Seconds(10));
  // By TCP: a message after its length; empty at the end.
  std::string ReceiveMessage();
  // By TCP: everything until the peer ends the connection (10 s at most).
  std::string ReceiveAll();
  // By TCP: whether the peer ended the connection (10 s at most are waited for that).
  bool Ended();
  // Says that nothing more is sent.
  void FinishSending();

 private:
  int fd_ = -1;
  std::string input_;
};

// A message after its length, as TCP has it.
std::string Framed(absl::string_view message);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_TEST_CLIENT_H_
