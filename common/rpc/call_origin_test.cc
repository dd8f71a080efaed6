#include "common/rpc/call_origin.h"

#include <gtest/gtest.h>

namespace norroy::rpc {
namespace {

TEST(CallOrigin, ReadsPeers) {
  const struct {
    const char* peer;
    const char* address;
  } cases[] = {
      {"ipv4:192.0.2.7:51000", "192.0.2.7:51000"},
      {"ipv6:%5B2001:db8::7%5D:51000", "[2001:db8::7]:51000"},
      {"ipv6:[2001:db8::7]:51000", "[2001:db8::7]:51000"},
      {"ipv6:%5Bfe80::1%25eth0%5D:1", "[fe80::1%eth0]:1"},
      {"unix:/run/x", "unix:/run/x"},
      {"", ""},
      {"ipv4:1\n2", "1\\x0a2"},
  };
  for (const auto& c : cases) EXPECT_EQ(PeerAddress(c.peer), c.address);
  EXPECT_LE(PeerAddress(std::string(100000, 'x')).size(), 128u + 3);  // "..."
}

TEST(CallOrigin, ReadsTraceparents) {
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const std::string good = "00-" + trace + "-b7ad6b7169203331-01";
  const struct {
    std::string text;
    bool ok;
  } cases[] = {
      {good, true},
      {"cc-" + trace + "-b7ad6b7169203331-01", true},
      {"cc-" + trace + "-b7ad6b7169203331-01-what-comes", true},
      {"cc-" + trace + "-b7ad6b7169203331-01.what-comes", false},
      {good + "-more", false},
      {"ff-" + trace + "-b7ad6b7169203331-01", false},
      {"0G-" + trace + "-b7ad6b7169203331-01", false},
      {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
      {"00-" + std::string(32, '0') + "-b7ad6b7169203331-01", false},
      {"00-" + trace + "-0000000000000000-01", false},
      {"00-" + trace + "-b7ad6b716920333g-01", false},
      {"00-" + trace + "-b7ad6b7169203331-0x", false},
      {"00_" + trace + "-b7ad6b7169203331-01", false},
      {"00-" + trace + "-b7ad6b7169203331", false},
      {"", false},
      {std::string(100000, '0'), false},
  };
  for (const auto& c : cases) {
    const std::optional<std::string> id = TraceIdOf(c.text);
    EXPECT_EQ(id.has_value(), c.ok) << c.text;
    EXPECT_EQ(id.value_or(""), c.ok ? trace : "");
  }
}

}  // namespace
}  // namespace norroy::rpc
