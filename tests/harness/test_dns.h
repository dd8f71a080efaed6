#ifndef NORROY_TESTS_HARNESS_TEST_DNS_H_
#define NORROY_TESTS_HARNESS_TEST_DNS_H_

// A DNS server for which every name is 127.0.0.1 (pebble-challtestsrv).

#include <memory>
#include <string>

#include "tests/harness/process.h"

namespace norroy::harness {

class TestDns {
 public:
  // Its log goes into `dir`.
  static std::unique_ptr<TestDns> Start(const std::string& dir);
  // "127.0.0.1:5300".
  const std::string& place() const { return place_; }

 private:
  TestDns() = default;
  std::string place_;
  std::unique_ptr<Process> process_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_TEST_DNS_H_
