#include "tests/harness/test_dns.h"

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace norroy::harness {

std::unique_ptr<TestDns> TestDns::Start(const std::string& dir) {
  auto dns = absl::WrapUnique(new TestDns());
  dns->place_ = absl::StrCat("127.0.0.1:", FreePort());
  dns->process_ =
      Process::Start({"pebble-challtestsrv", "-dns01", dns->place_, "-http01", "", "-https01", "",
                      "-tlsalpn01", "", "-management", absl::StrCat("127.0.0.1:", FreePort()),
                      "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""},
                     dir + "/dns.log");
  return dns;
}

}  // namespace norroy::harness
