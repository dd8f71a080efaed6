#ifndef NORROY_TESTS_HARNESS_BIND_H_
#define NORROY_TESTS_HARNESS_BIND_H_

// BIND on loopback: authoritative for the zones that a test gives it, and, with recursion, the
// resolver of a world whose root it serves itself: what is in no zone does not exist.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/process.h"

namespace norroy::harness {

struct TsigKeyText {
  std::string name;
  std::string algorithm = "hmac-sha256";
  std::string secret;  // base64
};

struct BindZone {
  std::string name;  // "example.test"
  // Master file lines below the SOA and the NS (ns.<zone>, which is BIND's own address).
  std::string records;
  // What `update-policy { ... };` holds: "grant key wildcard *.example.test. TXT;". Empty: no
  // updates.
  std::string update_policy;
  // Instead of all that, the zone statement's text, for a zone that is elsewhere: "type forward;
  // forward only; forwarders { 127.0.0.3 port 5300; };".
  std::string statement;
  // Instead of SOA, NS and records: the whole master file.
  std::string file;
};

struct BindOptions {
  // Of an interface: BIND does not listen at 127.0.0.2.
  std::string address = "127.0.0.1";
  int port = 0;  // 0 picks one
  std::vector<TsigKeyText> keys;
  std::vector<BindZone> zones;
  bool recursion = false;
  // Further lines of the options statement: "dnssec-validation yes;".
  std::string options = "dnssec-validation no;";
  // Further top-level statements: trust-anchors, logging.
  std::string statements;
};

class Bind {
 public:
  // In `dir`, which is made if absent; serves when it returns.
  static std::unique_ptr<Bind> Start(const std::string& dir, const BindOptions& options);

  int port() const { return port_; }
  const std::string& address() const { return address_; }
  // "127.0.0.1:5300"
  std::string place() const;
  std::string log() const { return dir_ + "/named.log"; }
  Process& process() { return *named_; }
  // What `dig +short NAME TYPE` at this server prints; further words go to dig.
  std::string Dig(const std::string& name, const std::string& type,
                  const std::vector<std::string>& more = {});

 private:
  std::string dir_;
  std::string address_;
  int port_ = 0;
  std::unique_ptr<Process> named_;
};

// A port that is free now for UDP and TCP at this address.
int FreeDnsPort(const std::string& address = "127.0.0.1");
bool IsFreeDnsPort(const std::string& address, int port);
// `dig @address -p port +short NAME TYPE ...`; what it prints.
std::string Dig(const std::string& address, int port, const std::string& name,
                const std::string& type, const std::vector<std::string>& more = {});

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_BIND_H_
