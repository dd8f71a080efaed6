#include "agent/presenter/bounded_server.h"

#include <unistd.h>

#include <list>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/raw_client.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

// Echoes in upper case until "." (finish) or "!" (drop).
class Shouter final : public Conversation {
 public:
  Then OnBytes(absl::string_view bytes, std::string& output) override {
    absl::StrAppend(&output, absl::AsciiStrToUpper(bytes));
    if (absl::StrContains(bytes, "!")) return Then::kDrop;
    return absl::StrContains(bytes, ".") ? Then::kFinish : Then::kGoOn;
  }
};

// A megabyte for any byte: more than a socket takes at once.
class Flooder final : public Conversation {
 public:
  Then OnBytes(absl::string_view, std::string& output) override {
    output.assign(1 << 20, 'x');
    return Then::kFinish;
  }
};

struct Running {
  std::string place;
  std::unique_ptr<BoundedServer> server;
};

template <typename T = Shouter>
Running StartServer(const ServerLimits& limits) {
  auto sockets = ListenSet::Bind(*ParseListen("test", {"127.0.0.1:0"}), "http");
  EXPECT_TRUE(sockets.ok()) << sockets.status();
  const std::string place = sockets->sockets()[0].place;
  return {place, *BoundedServer::Start("test", *std::move(sockets), limits,
                                       [] { return std::make_unique<T>(); })};
}

TEST(BoundedServer, HoldsAConversation) {
  const Running running = StartServer({});
  RawClient client(running.place);
  ASSERT_TRUE(client.Send("one "));
  ASSERT_TRUE(client.Send("two."));
  EXPECT_EQ(client.ReadAll(), "ONE TWO.");
  EXPECT_EQ(Exchange(running.place, "nothing!"), "");
}

TEST(BoundedServer, SendsMoreThanASocketTakesAtOnce) {
  const Running running = StartServer<Flooder>({});
  EXPECT_EQ(Exchange(running.place, "go").size(), size_t{1} << 20);
}

TEST(BoundedServer, TheDeadlineIsAbsolute) {
  const Running running = StartServer({.deadline = absl::Milliseconds(100)});
  RawClient silent(running.place);
  EXPECT_EQ(silent.ReadAll(), "");
  // A drop at a time does not prolong it: this ends because the server ends it.
  RawClient dripping(running.place);
  while (dripping.Send("a")) usleep(2000);
  EXPECT_FALSE(dripping.Send("a"));
}

TEST(BoundedServer, TheOldestGoes) {
  const Running running = StartServer({.max_connections = 4});
  std::list<RawClient> idle;
  for (int i = 0; i < 20; ++i) {
    idle.emplace_back(running.place);
    ASSERT_TRUE(idle.back().connected());
    EXPECT_EQ(Exchange(running.place, "a."), "A.") << i;
  }
  EXPECT_EQ(idle.front().ReadAll(), "");
}

TEST(ListenSet, AllOrNone) {
  const std::string path = absl::StrCat("/tmp/norroy-set-", getpid(), ".sock");
  auto first = ListenSet::Bind(*ParseListen("test", {"127.0.0.1:0"}), "http");
  ASSERT_TRUE(first.ok());
  const std::string taken = first->sockets()[0].place.substr(7);
  const auto second =
      ListenSet::Bind(*ParseListen("test", {absl::StrCat("unix:", path), taken}), "http");
  EXPECT_TRUE(absl::StrContains(second.status().message(), taken)) << second.status();
  EXPECT_NE(access(path.c_str(), F_OK), 0) << "left behind";
}

TEST(ListenSet, OneToSixteen) {
  for (const size_t count : {0, 1, 16, 17}) {
    const auto parsed = ParseListen("test", std::vector<std::string>(count, "127.0.0.1:0"));
    EXPECT_EQ(parsed.ok(), count == 1 || count == 16) << count;
    if (!parsed.ok()) {
      EXPECT_EQ(ErrorReason(parsed.status()), "BAD_CONFIG");
    }
  }
}

}  // namespace
}  // namespace norroy::agent
