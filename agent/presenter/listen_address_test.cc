#include "agent/presenter/listen_address.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TEST(ListenAddress, Parses) {
  struct Case {
    std::string text;
    bool good;
    bool local;
  };
  const Case kCases[] = {
      {"0.0.0.0:53", true, false},
      {"127.0.0.1:0", true, true},
      {"[::]:53", true, false},
      {"[::1]:53", true, true},
      {"unix:/run/x", true, true},
      {"fd:3", true, true},
      {"localhost:53", false, false},
      {"127.0.0.1", false, false},
      {"127.0.0.1:65536", false, false},
      {"127.0.0.1:-1", false, false},
      {"::1:53", false, false},
      {"fd:2", false, false},
      {"fd:65", false, false},
      {"unix:run", false, false},
      {"", false, false},
      {"127.0.0.1:53x", false, false},
  };
  for (const Case& c : kCases) {
    const auto address = ListenAddress::Parse(c.text);
    EXPECT_EQ(address.ok(), c.good) << c.text;
    if (!address.ok()) {
      EXPECT_EQ(ErrorReason(address.status()), "BAD_CONFIG") << c.text;
    } else {
      EXPECT_EQ(address->may_be_local(), c.local) << c.text;
    }
  }
}

int TypeOf(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  return type;
}

void CloseAll(const std::vector<BoundSocket>& sockets) {
  for (const BoundSocket& socket : sockets) close(socket.fd);
}

TEST(ListenAddress, BindsUdpAndTcpAtOnePort) {
  for (const std::string text : {"127.0.0.1:0", "[::1]:0"}) {
    const auto address = ListenAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    const auto sockets = address->BindUdpAndTcp("dns");
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    ASSERT_EQ(sockets->size(), 2u);
    const BoundSocket& udp = (*sockets)[0];
    const BoundSocket& tcp = (*sockets)[1];
    EXPECT_TRUE(udp.datagram);
    EXPECT_FALSE(tcp.datagram);
    EXPECT_EQ(TypeOf(udp.fd), SOCK_DGRAM);
    EXPECT_EQ(TypeOf(tcp.fd), SOCK_STREAM);
    EXPECT_EQ(udp.place, tcp.place);
    EXPECT_EQ(udp.place.substr(0, 6), "dns://");
    EXPECT_NE(udp.place.substr(udp.place.size() - 2), ":0");
    EXPECT_TRUE(udp.local && tcp.local);

    // Neither half is given away twice.
    const auto again = ListenAddress::Parse(udp.place.substr(6));
    ASSERT_TRUE(again.ok());
    EXPECT_FALSE(again->BindUdpAndTcp("dns").ok());
    close(tcp.fd);
    const auto udp_taken = again->BindUdpAndTcp("dns");
    ASSERT_FALSE(udp_taken.ok());
    EXPECT_NE(udp_taken.status().message().find("UDP"), absl::string_view::npos);
    close(udp.fd);
    const auto free_again = again->BindUdpAndTcp("dns");
    ASSERT_TRUE(free_again.ok()) << free_again.status();
    CloseAll(*free_again);
  }
}

TEST(ListenAddress, UnixHasNoUdp) {
  const auto address = ListenAddress::Parse("unix:/nowhere/x");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(ErrorReason(address->BindUdpAndTcp("dns").status()), "BAD_CONFIG");
}

// An inherited socket of this test's own, at a number that "fd:" may say.
ListenAddress Inherited(int fd) {
  auto address = ListenAddress::Parse("fd:" + std::to_string(fd));
  EXPECT_TRUE(address.ok()) << address.status();
  return *std::move(address);
}

TEST(ListenAddress, InheritsEitherKindForDns) {
  const auto made = ListenAddress::Parse("127.0.0.1:0")->BindUdpAndTcp("dns");
  ASSERT_TRUE(made.ok());
  for (const BoundSocket& socket : *made) {
    const auto inherited = Inherited(socket.fd).BindUdpAndTcp("dns");
    ASSERT_TRUE(inherited.ok()) << inherited.status();
    ASSERT_EQ(inherited->size(), 1u);
    EXPECT_EQ((*inherited)[0].datagram, socket.datagram);
    EXPECT_EQ((*inherited)[0].place, socket.place);
  }
  // HTTP takes streams alone.
  EXPECT_FALSE(Inherited((*made)[0].fd).Bind().ok());
  EXPECT_TRUE(Inherited((*made)[1].fd).Bind().ok());
  CloseAll(*made);
}

TEST(ListenAddress, RefusesInheritedSocketsThatHearNobody) {
  const int unbound = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  EXPECT_FALSE(Inherited(unbound).BindUdpAndTcp("dns").ok());
  close(unbound);
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_FALSE(Inherited(silent).BindUdpAndTcp("dns").ok());
  close(silent);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
  EXPECT_FALSE(Inherited(pair[0]).BindUdpAndTcp("dns").ok());
  close(pair[0]);
  close(pair[1]);
  EXPECT_FALSE(Inherited(60).BindUdpAndTcp("dns").ok());
}

}  // namespace
}  // namespace norroy::agent
