#ifndef NORROY_TESTS_HARNESS_POWERDNS_H_
#define NORROY_TESTS_HARNESS_POWERDNS_H_

// A real PowerDNS authoritative server on SQLite, with its HTTP API, on loopback.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/process.h"

namespace norroy::harness {

class PowerDns {
 public:
  struct Record {
    std::string name;  // "www.example.com."
    std::string type;
    std::string content;  // as the API has it: "192.0.2.1", "\"text\""
    int ttl = 60;
  };
  struct Options {
    std::string address = "127.0.0.1";
    int dns_port = 0;  // 0: a free one
    int api_port = 0;
    std::vector<std::string> zones;  // "example.com"
    std::vector<Record> records;     // in these zones
    // Further settings: "--cache-ttl=0".
    std::vector<std::string> settings;
  };
  static constexpr char kApiKey[] = "test-key";

  // Returns when it answers. Its files go to `dir`. Fails the test run (abort) if it does not
  // start.
  static std::unique_ptr<PowerDns> Start(const std::string& dir, const Options& options);
  ~PowerDns();

  const std::string& address() const { return options_.address; }
  int dns_port() const { return options_.dns_port; }
  int api_port() const { return options_.api_port; }
  // "http://127.0.0.1:8081"
  std::string url() const;

  // A request to the API: "GET", "/api/v1/servers/localhost". Status 0: no answer.
  HttpReply Api(const std::string& method, const std::string& path, const std::string& body = "");
  // What dig gets: the TXT values of a name, sorted; printable ones.
  std::vector<std::string> Txt(const std::string& name);
  std::string Log() const;

 private:
  explicit PowerDns(const Options& options) : options_(options) {}
  void Fill();

  Options options_;
  std::string log_;
  std::string socket_dir_;
  std::unique_ptr<Process> process_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_POWERDNS_H_
