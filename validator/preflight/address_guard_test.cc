#include "validator/preflight/address_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace norroy::validator::preflight {
namespace {

Address Of(absl::string_view text) {
  const auto address = Address::Parse(text);
  EXPECT_TRUE(address.ok()) << text;
  return *address;
}

std::string Neighbour(const std::string& text, int step) {
  std::string bytes = Of(text).bytes();
  for (size_t i = bytes.size(); i-- > 0;) {
    const auto old = static_cast<unsigned char>(bytes[i]);
    bytes[i] = static_cast<char>(old + step);
    if (old != (step > 0 ? 0xff : 0x00)) break;
  }
  return Address::OfBytes(bytes).text();
}

// Every block of both registries, and multicast: its ends, and what lies beside them.
TEST(AddressGuardTest, EveryBlockAndItsNeighbours) {
  struct Case {
    const char* first;
    const char* last;
    bool before;  // forbidden, too
    bool after;
  };
  const Case cases[] = {
      {"0.0.0.0", "0.255.255.255", true, false},
      {"10.0.0.0", "10.255.255.255", false, false},
      {"100.64.0.0", "100.127.255.255", false, false},
      {"127.0.0.0", "127.255.255.255", false, false},
      {"169.254.0.0", "169.254.255.255", false, false},
      {"172.16.0.0", "172.31.255.255", false, false},
      {"192.0.0.0", "192.0.0.255", false, false},
      {"192.0.2.0", "192.0.2.255", false, false},
      {"192.31.196.0", "192.31.196.255", false, false},
      {"192.52.193.0", "192.52.193.255", false, false},
      {"192.88.99.0", "192.88.99.255", false, false},
      {"192.168.0.0", "192.168.255.255", false, false},
      {"192.175.48.0", "192.175.48.255", false, false},
      {"198.18.0.0", "198.19.255.255", false, false},
      {"198.51.100.0", "198.51.100.255", false, false},
      {"203.0.113.0", "203.0.113.255", false, false},
      {"224.0.0.0", "239.255.255.255", false, true},
      {"240.0.0.0", "255.255.255.255", true, true},
      {"::", "::", true, true},
      {"::1", "::1", true, true},
      {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", true, true},
      {"100::", "100::ffff:ffff:ffff:ffff", true, true},
      {"100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", true, true},
      {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
      {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
      {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
      {"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", false, false},
      {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
      {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
      {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
      {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
      {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
      // All that is no global unicast.
      {"::2", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, false},
      {"4000::", "ffff::", false, true},
  };
  const AddressGuard guard;
  for (const Case& c : cases) {
    EXPECT_NE(guard.WhyForbidden(Of(c.first)), "") << c.first;
    EXPECT_NE(guard.WhyForbidden(Of(c.last)), "") << c.last;
    const std::string before = Neighbour(c.first, -1);
    EXPECT_EQ(!guard.WhyForbidden(Of(before)).empty(), c.before) << before;
    const std::string after = Neighbour(c.last, 1);
    EXPECT_EQ(!guard.WhyForbidden(Of(after)).empty(), c.after) << after;
  }
}

TEST(AddressGuardTest, SingleAddresses) {
  struct Case {
    const char* address;
    const char* why;  // a part of it; empty: allowed
  };
  const Case cases[] = {
      {"8.8.8.8", ""},
      {"2606:4700::1111", ""},
      {"169.254.169.254", "metadata"},
      {"fd00:ec2::254", "unique local"},
      // IPv4 inside IPv6 is what it is inside.
      {"::ffff:169.254.169.254", "metadata"},
      {"::ffff:8.8.8.8", ""},
      {"::ffff:127.0.0.1", "loopback"},
      {"64:ff9b::10.0.0.1", "private"},
      {"64:ff9b::8.8.8.8", ""},
      {"::127.0.0.1", "no global unicast"},
      {"2002:7f00:1::", "6to4"},
      {"2001:0:53aa:64c:0:fbff:80ff:fffe", "Teredo"},
      {"255.255.255.255", "reserved"},
  };
  const AddressGuard guard;
  for (const Case& c : cases) {
    const std::string why(guard.WhyForbidden(Of(c.address)));
    EXPECT_EQ(why.empty(), std::string(c.why).empty()) << c.address << ": " << why;
    EXPECT_NE(why.find(c.why), std::string::npos) << c.address << ": " << why;
  }
}

TEST(AddressGuardTest, AllowedNetworks) {
  const AddressGuard guard({*Network::Parse("10.20.0.0/16"), *Network::Parse("fd00:1::/48")});
  EXPECT_EQ(guard.WhyForbidden(Of("10.20.255.255")), "");
  EXPECT_EQ(guard.WhyForbidden(Of("::ffff:10.20.0.1")), "");
  EXPECT_EQ(guard.WhyForbidden(Of("fd00:1::5")), "");
  EXPECT_NE(guard.WhyForbidden(Of("10.21.0.0")), "");
  EXPECT_NE(guard.WhyForbidden(Of("10.19.255.255")), "");
  EXPECT_NE(guard.WhyForbidden(Of("fd00:2::")), "");
}

TEST(AddressTest, OnlyTheirOwnForms) {
  for (const char* text : {"", "1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.2.3.4 ",
                           "1.2.3.4.5", "fe80::1%lo", "[::1]", "::g", "1.2.3.256", "example.com"}) {
    EXPECT_FALSE(Address::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Address::Parse(std::string("1.2.3.4\0", 8)).ok());
  EXPECT_EQ(Of("2001:DB8:0::1").text(), "2001:db8::1");
  EXPECT_EQ(Of("2001:db8::1").WithPort(80), "[2001:db8::1]:80");
  EXPECT_EQ(Of("192.0.2.1").WithPort(80), "192.0.2.1:80");
}

TEST(NetworkTest, Parse) {
  struct Case {
    const char* text;
    const char* normal;  // or a part of the error
    bool ok;
  };
  const Case cases[] = {
      {"10.0.0.0/8", "10.0.0.0/8", true},
      {"0.0.0.0/0", "0.0.0.0/0", true},
      {"192.0.2.1", "192.0.2.1/32", true},
      {"2001:DB8::/32", "2001:db8::/32", true},
      {"::/0", "::/0", true},
      {"10.0.0.1/8", "it is 10.0.0.0/8", false},
      {"10.0.0.0/33", "0 to 32", false},
      {"10.0.0.0/08", "0 to 32", false},
      {"10.0.0.0/-1", "0 to 32", false},
      {"10.0.0.0/", "0 to 32", false},
      {"2001:db8::/129", "0 to 128", false},
      {"example.com/8", "is not like", false},
      {"", "is not like", false},
      {"10.0.0.0/8/8", "0 to 32", false},
  };
  for (const Case& c : cases) {
    const auto network = Network::Parse(c.text);
    ASSERT_EQ(network.ok(), c.ok) << c.text;
    const std::string got = c.ok ? network->text() : std::string(network.status().message());
    EXPECT_NE(got.find(c.normal), std::string::npos) << c.text << ": " << got;
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
