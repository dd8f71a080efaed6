#include "agent/inherited_sockets.h"

#include "absl/strings/match.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using Texts = std::vector<std::string>;

TEST(InheritedSockets, ANameIsAllItsSocketsInWhateverOrder) {
  const InheritedSockets sockets("42", "5", "dns:http:dns:http:unknown", 42);
  EXPECT_EQ(*sockets.Resolve({"fd:http", "127.0.0.1:80", "fd:9"}),
            (Texts{"fd:4", "fd:6", "127.0.0.1:80", "fd:9"}));
  EXPECT_EQ(*sockets.Resolve({"fd:dns"}), (Texts{"fd:3", "fd:5"}));
  const auto none = sockets.Resolve({"fd:tls"});
  EXPECT_EQ(ErrorReason(none.status()), "NO_SOCKET");
  EXPECT_TRUE(absl::StrContains(none.status().message(), "FileDescriptorName=tls"));
}

TEST(InheritedSockets, WhatIsNotForUsIsNone) {
  const struct {
    const char *pid, *count, *names;
  } cases[] = {
      {"43", "1", "http"},  {"", "1", "http"},    {"42", "", "http"},   {"42", "0", "http"},
      {"42", "-1", "http"}, {"42", "1", ""},      {"42", "99", "http"}, {"x", "1", "http"},
      {"42", "1", "3"},     {"42", "1", ":http"},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(InheritedSockets(c.pid, c.count, c.names, 42).Resolve({"fd:http"}).ok())
        << c.pid << " " << c.count << " " << c.names;
  }
  EXPECT_FALSE(InheritedSockets().Resolve({"fd:http"}).ok());
  EXPECT_EQ(*InheritedSockets().Resolve({"fd:3", "0.0.0.0:80"}), (Texts{"fd:3", "0.0.0.0:80"}));
}

TEST(InheritedSockets, NumbersStandForNamesInACheck) {
  EXPECT_EQ(WithoutNames({"fd:http", "[::]:80", "fd:7", "fd:a b"}),
            (Texts{"fd:3", "[::]:80", "fd:7", "fd:a b"}));
}

}  // namespace
}  // namespace norroy::agent
