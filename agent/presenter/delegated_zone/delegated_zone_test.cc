#include "agent/presenter/delegated_zone/delegated_zone.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/presenter/delegated_zone/dns_test_client.h"
#include "agent/presenter/delegated_zone/test_message.h"
#include "agent/presenter/dns/txt_writer_contract.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using Kind = DnsTestClient::Kind;

dns::Name N(absl::string_view text) { return *dns::Name::Parse(text); }

DelegatedZoneOptions Options() {
  DelegatedZoneOptions options;
  options.zone = N("acme.example.net");
  options.listen = {"127.0.0.1:0"};
  options.name_servers = {N("ns1.example.org")};
  options.responses_per_second = kMaxResponsesPerSecond;
  return options;
}

std::unique_ptr<DelegatedZone> Start(const DelegatedZoneOptions& options) {
  auto zone = DelegatedZone::Start(options);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ok() ? *std::move(zone) : nullptr;
}

TestReply AskUdp(absl::string_view place, const TestQuery& query) {
  DnsTestClient client(Kind::kUdp, place);
  client.Send(query.Bytes());
  return ReadTestReply(client.Receive());
}

TestReply AskTcp(absl::string_view place, const TestQuery& query) {
  DnsTestClient client(Kind::kTcp, place);
  client.Send(Framed(query.Bytes()));
  return ReadTestReply(client.ReceiveMessage());
}

std::set<std::string> Values(const TestReply& reply) {
  std::set<std::string> values;
  for (const TestRecord& record : reply.answers) values.insert(record.data.substr(1));
  return values;
}

TEST(DelegatedZone, Check) {
  struct Case {
    std::string says;  // empty: it is good
    std::function<void(DelegatedZoneOptions&)> change;
  };
  const auto with_zone = [](DelegatedZoneOptions& o, size_t size) {
    std::string text;
    while (text.size() < size - 1) absl::StrAppend(&text, "a.");
    text.resize(size, 'a');
    if (text[size - 1] == '.') text[size - 1] = 'a';
    o.zone = N(text);
  };
  const Case kCases[] = {
      {"", [](DelegatedZoneOptions&) {}},
      {"zone is missing", [](DelegatedZoneOptions& o) { o.zone = dns::Name(); }},
      {"", [&](DelegatedZoneOptions& o) { with_zone(o, kMaxDelegatedZone - 1); }},
      {"", [&](DelegatedZoneOptions& o) { with_zone(o, kMaxDelegatedZone); }},
      {"over 200", [&](DelegatedZoneOptions& o) { with_zone(o, kMaxDelegatedZone + 1); }},
      {"not 1 to 8", [](DelegatedZoneOptions& o) { o.name_servers.clear(); }},
      {"", [](DelegatedZoneOptions& o) { o.name_servers.assign(8, N("ns.example")); }},
      {"not 1 to 8", [](DelegatedZoneOptions& o) { o.name_servers.assign(9, N("ns.example")); }},
      {"a name is empty", [](DelegatedZoneOptions& o) { o.name_servers = {dns::Name()}; }},
      {"in the zone", [](DelegatedZoneOptions& o) { o.name_servers = {N("ns.acme.example.net")}; }},
      {"in the zone", [](DelegatedZoneOptions& o) { o.name_servers = {N("acme.example.net")}; }},
      {"", [](DelegatedZoneOptions& o) { o.name_servers = {N("ns.example.net")}; }},
      {"responses_per_second", [](DelegatedZoneOptions& o) { o.responses_per_second = 0; }},
      {"", [](DelegatedZoneOptions& o) { o.responses_per_second = 1; }},
      {"responses_per_second", [](DelegatedZoneOptions& o) { o.responses_per_second = 100'001; }},
      {"addresses", [](DelegatedZoneOptions& o) { o.listen.clear(); }},
      {"", [](DelegatedZoneOptions& o) { o.listen.assign(16, "127.0.0.1:53"); }},
      {"addresses", [](DelegatedZoneOptions& o) { o.listen.assign(17, "127.0.0.1:53"); }},
      {"no port", [](DelegatedZoneOptions& o) { o.listen = {"127.0.0.1"}; }},
      {"an address and a port", [](DelegatedZoneOptions& o) { o.listen = {"unix:/run/dns"}; }},
      {"",
       [](DelegatedZoneOptions& o) {
         o.listen = {"0.0.0.0:53", "[::]:53", "fd:3", "fd:4"};
       }},
  };
  for (const Case& c : kCases) {
    DelegatedZoneOptions options = Options();
    c.change(options);
    const absl::Status status = DelegatedZone::Check(options);
    EXPECT_EQ(status.ok(), c.says.empty()) << status << c.says;
    if (status.ok()) continue;
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.says)) << status << c.says;
    EXPECT_EQ(DelegatedZone::Start(options).status(), status);
  }
}

TEST(DelegatedZone, SaysWhatItIs) {
  DelegatedZoneOptions options = Options();
  options.listen = {"127.0.0.1:0", "127.0.0.2:0"};
  const auto zone = Start(options);
  EXPECT_EQ(zone->kind(), "delegated_zone");
  EXPECT_EQ(zone->zones(), std::vector<dns::Name>{N("acme.example.net")});
  ASSERT_EQ(zone->places().size(), 2u);
  EXPECT_EQ(zone->place(), absl::StrCat(zone->places()[0], ", ", zone->places()[1]));
  EXPECT_TRUE(absl::StartsWith(zone->places()[1], "dns://127.0.0.2:"));
  EXPECT_FALSE(absl::EndsWith(zone->places()[1], ":0"));
}

TEST(DelegatedZone, ServesWhatWasAddedFromThatMomentOn) {
  const auto zone = Start(Options());
  const TestQuery query{.name = "www.acme.example.net"};
  for (const auto& ask : {AskUdp, AskTcp}) {
    EXPECT_EQ(ask(zone->place(), query).rcode, 3);
    ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "one").ok());
    ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "one").ok());
    EXPECT_EQ(Values(ask(zone->place(), query)), std::set<std::string>{"one"});
    ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "two").ok());
    EXPECT_EQ(Values(ask(zone->place(), query)), (std::set<std::string>{"one", "two"}));
    ASSERT_TRUE(zone->Remove(N("www.acme.example.net"), "one").ok());
    EXPECT_EQ(Values(ask(zone->place(), query)), std::set<std::string>{"two"});
    ASSERT_TRUE(zone->Remove(N("www.acme.example.net"), "two").ok());
    ASSERT_TRUE(zone->Remove(N("www.acme.example.net"), "two").ok());
    EXPECT_EQ(ask(zone->place(), query).rcode, 3);
  }
  EXPECT_EQ(ErrorReason(zone->Add(N("www.example.net"), "one")), "FOREIGN_ZONE");
  EXPECT_EQ(zone->answers().served, 6);
  EXPECT_EQ(zone->answers().unknown, 4);
}

TEST(DelegatedZone, LongAnswersGoByTcp) {
  const auto zone = Start(Options());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(zone->Add(N("many.acme.example.net"), absl::StrCat(i, std::string(43, 'x'))).ok());
  }
  const TestQuery query{.name = "many.acme.example.net", .edns = true};
  const TestReply cut = AskUdp(zone->place(), query);
  EXPECT_TRUE(cut.tc() && cut.answers.empty());
  const TestReply whole = AskTcp(zone->place(), query);
  EXPECT_FALSE(whole.tc());
  EXPECT_EQ(Values(whole).size(), 40u);
}

TEST(DelegatedZone, SeveralQueriesOnOneConnection) {
  const auto zone = Start(Options());
  ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "one").ok());
  DnsTestClient client(Kind::kTcp, zone->place());
  std::string bytes;
  for (int i = 0; i < kMaxTcpQueries; ++i) {
    absl::StrAppend(
        &bytes,
        Framed(TestQuery{.name = "www.acme.example.net", .id = static_cast<uint16_t>(i)}.Bytes()));
  }
  // In pieces that end within lengths and messages; the client reads late.
  for (size_t at = 0; at < bytes.size(); at += 39) client.Send(bytes.substr(at, 39));
  for (int i = 0; i < kMaxTcpQueries; ++i) {
    const TestReply reply = ReadTestReply(client.ReceiveMessage());
    ASSERT_TRUE(reply.good);
    EXPECT_EQ(reply.id, i);
    EXPECT_EQ(Values(reply), std::set<std::string>{"one"});
  }
  client.Send(Framed(TestQuery{.name = "www.acme.example.net"}.Bytes()));
  EXPECT_TRUE(client.Ended());
}

TEST(DelegatedZone, AnswersBeforeItClosesForWhoSaysNoMore) {
  const auto zone = Start(Options());
  DnsTestClient client(Kind::kTcp, zone->place());
  client.Send(Framed(TestQuery{.name = "acme.example.net", .type = 6}.Bytes()));
  client.FinishSending();
  const std::string all = client.ReceiveAll();
  ASSERT_GT(all.size(), 2u);
  EXPECT_EQ(Texts(ReadTestReply(all.substr(2)).answers),
            "acme.example.net 300 SOA ns1.example.org hostmaster.acme.example.net 1 3600 600 86400 "
            "1");
}

// More than the kernel's buffers hold: the server waits for the reader and loses nothing.
TEST(DelegatedZone, SendsAsFastAsItIsRead) {
  DelegatedZoneOptions options = Options();
  options.server.deadline = absl::Minutes(2);
  const auto zone = Start(options);
  for (size_t i = 0; i < kMaxValuesPerOwner; ++i) {
    ASSERT_TRUE(zone->Add(N("big.acme.example.net"), absl::StrCat(i, std::string(250, 'y'))).ok());
  }
  DnsTestClient client(Kind::kTcp, zone->place());
  std::string bytes;
  for (int i = 0; i < kMaxTcpQueries; ++i) {
    absl::StrAppend(&bytes, Framed(TestQuery{.name = "big.acme.example.net"}.Bytes()));
  }
  client.Send(bytes);
  // Others are served meanwhile.
  EXPECT_EQ(AskUdp(zone->place(), {.name = "acme.example.net", .type = 2}).answers.size(), 1u);
  for (int i = 0; i < kMaxTcpQueries; ++i) {
    const TestReply reply = ReadTestReply(client.ReceiveMessage());
    ASSERT_TRUE(reply.good) << i;
    EXPECT_EQ(reply.answers.size(), kMaxValuesPerOwner);
  }
}

TEST(DelegatedZone, SlowPeersAreCutAtTheDeadline) {
  DelegatedZoneOptions options = Options();
  options.server.deadline = absl::Milliseconds(300);
  const auto zone = Start(options);
  SystemClock clock;
  const absl::Duration start = clock.Monotonic();
  DnsTestClient silent(Kind::kTcp, zone->place());
  DnsTestClient half(Kind::kTcp, zone->place());
  half.Send(Framed(TestQuery{.name = "acme.example.net"}.Bytes()).substr(0, 9));
  // A byte now and then does not keep it alive: the deadline is absolute.
  DnsTestClient dripping(Kind::kTcp, zone->place());
  const std::string bytes = Framed(TestQuery{.name = "a.acme.example.net"}.Bytes());
  size_t sent = 0;
  while (sent + 1 < bytes.size() && clock.Monotonic() - start < absl::Seconds(5)) {
    if (!dripping.Send(bytes.substr(sent, 1))) break;
    if (!dripping.Receive(absl::Milliseconds(30)).empty()) break;
    ++sent;
  }
  EXPECT_LT(sent, bytes.size() - 1);
  EXPECT_TRUE(silent.Ended());
  EXPECT_TRUE(half.Ended());
  EXPECT_LT(clock.Monotonic() - start, absl::Seconds(4));
  EXPECT_EQ(AskTcp(zone->place(), {.name = "acme.example.net", .type = 6}).answers.size(), 1u);
}

TEST(DelegatedZone, TheOldestConnectionMakesRoom) {
  DelegatedZoneOptions options = Options();
  options.server.max_connections = 3;
  options.server.deadline = absl::Minutes(2);
  const auto zone = Start(options);
  DnsTestClient first(Kind::kTcp, zone->place());
  DnsTestClient second(Kind::kTcp, zone->place());
  DnsTestClient third(Kind::kTcp, zone->place());
  EXPECT_EQ(AskTcp(zone->place(), {.name = "acme.example.net", .type = 6}).answers.size(), 1u);
  EXPECT_TRUE(first.Ended());
  third.Send(Framed(TestQuery{.name = "acme.example.net", .type = 6}.Bytes()));
  EXPECT_TRUE(ReadTestReply(third.ReceiveMessage()).good);
}

TEST(DelegatedZone, JunkByTcpEndsTheConnection) {
  const auto zone = Start(Options());
  const std::string good = TestQuery{.name = "acme.example.net"}.Bytes();
  std::string response = good;
  response[2] = '\x80';
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\0\0", 2), Framed("x"),
        Framed(response), std::string("\xff\xff", 2), Framed(std::string(kMaxTcpQuery + 1, 'x'))}) {
    DnsTestClient client(Kind::kTcp, zone->place());
    client.Send(bytes);
    EXPECT_EQ(client.ReceiveAll(), "");
  }
}

// As resolvers do: a datagram may be lost in a storm, before the server could see it.
std::set<std::string> AskAgainAndAgain(absl::string_view place, const TestQuery& query) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    DnsTestClient client(Kind::kUdp, place);
    client.Send(query.Bytes());
    const std::string bytes = client.Receive(absl::Milliseconds(200));
    if (!bytes.empty()) return Values(ReadTestReply(bytes));
  }
  return {};
}

TEST(DelegatedZone, AStormOfJunkChangesNothing) {
  const auto zone = Start(Options());
  ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "one").ok());
  const std::string good = TestQuery{.name = "www.acme.example.net", .edns = true}.Bytes();
  std::mt19937 random(7);
  DnsTestClient client(Kind::kUdp, zone->place());
  int heard = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string packet;
    if (i % 2 == 0) {
      packet.resize(random() % 700);
      for (char& c : packet) c = static_cast<char>(random());
    } else {
      packet = good;
      for (int change = 0; change < 3; ++change) packet[random() % packet.size()] = random();
      if (random() % 4 == 0) packet.resize(random() % packet.size());
    }
    client.Send(packet);
    while (!client.Receive(absl::ZeroDuration()).empty()) ++heard;
    if (i % 1000 == 0) {
      EXPECT_EQ(AskAgainAndAgain(zone->place(), {.name = "www.acme.example.net"}),
                std::set<std::string>{"one"});
    }
  }
  EXPECT_GT(heard, 0);
  EXPECT_EQ(AskAgainAndAgain(zone->place(), {.name = "www.acme.example.net"}),
            std::set<std::string>{"one"});
  EXPECT_EQ(Values(AskTcp(zone->place(), {.name = "www.acme.example.net"})),
            std::set<std::string>{"one"});
}

TEST(DelegatedZone, LimitsAnswersByUdp) {
  SimulatedClock clock(absl::FromUnixSeconds(1'700'000'000));
  DelegatedZoneOptions options = Options();
  options.responses_per_second = 5;
  options.clock = &clock;
  options.listen = {"127.0.0.1:0", "[::1]:0"};
  const auto zone = Start(options);
  const std::string& place = zone->places()[0];
  ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "one").ok());
  // One query a letter of what is expected: served, truncated, '-' for nothing.
  const auto ask = [&place](const std::string& expected) {
    DnsTestClient client(Kind::kUdp, place);
    for (size_t i = 0; i < expected.size(); ++i) {
      client.Send(
          TestQuery{.name = "www.acme.example.net", .id = static_cast<uint16_t>(i)}.Bytes());
    }
    std::string letters(expected.size(), '-');
    const auto note = [&letters](const std::string& bytes) {
      const TestReply reply = ReadTestReply(bytes);
      letters[reply.id] = reply.tc() ? 't' : Values(reply).empty() ? '?' : 's';
    };
    while (letters != expected) {
      const std::string bytes = client.Receive();
      if (bytes.empty()) return letters;
      note(bytes);
    }
    // And no more of them.
    const std::string bytes = client.Receive(absl::Milliseconds(50));
    if (!bytes.empty()) note(bytes);
    return letters;
  };
  EXPECT_EQ(ask("ssssst-t-t-t"), "ssssst-t-t-t");
  // TCP is not limited: the sender is who it says, and neither is another network.
  EXPECT_EQ(Values(AskTcp(place, {.name = "www.acme.example.net"})), std::set<std::string>{"one"});
  EXPECT_EQ(Values(AskUdp(zone->places()[1], {.name = "www.acme.example.net"})),
            std::set<std::string>{"one"});
  // Junk costs nothing and gets nothing.
  clock.Advance(absl::Milliseconds(400));
  DnsTestClient junk(Kind::kUdp, place);
  for (int i = 0; i < 50; ++i) junk.Send("junk");
  EXPECT_EQ(ask("ss-t"), "ss-t");
  clock.Advance(absl::Seconds(1));
  clock.JumpWall(-absl::Hours(1));
  EXPECT_EQ(ask("sssss-"), "sssss-");
}

// 0.0.0.0 answers from the address that was asked: the client's socket is connected and hears no
// other.
TEST(DelegatedZone, AnswersFromTheAddressThatWasAsked) {
  DelegatedZoneOptions options = Options();
  options.listen = {"0.0.0.0:0", "[::]:0"};
  const auto zone = Start(options);
  for (size_t i = 0; i < 2; ++i) {
    const std::string port = zone->places()[i].substr(zone->places()[i].rfind(':'));
    std::vector<std::string> hosts = {"127.0.0.1", "127.0.0.2", "127.1.2.3"};
    if (i == 1) hosts = {"[::1]"};
    for (const std::string& host : hosts) {
      EXPECT_TRUE(AskUdp(absl::StrCat(host, port), {.name = "acme.example.net", .type = 6}).good)
          << host;
      EXPECT_TRUE(AskTcp(absl::StrCat(host, port), {.name = "acme.example.net", .type = 6}).good);
    }
  }
}

TEST(DelegatedZone, NeedsUdpAndTcp) {
  for (const bool udp : {false, true}) {
    const auto made = ListenAddress::Parse("127.0.0.1:0")->BindUdpAndTcp("dns");
    ASSERT_TRUE(made.ok());
    DelegatedZoneOptions options = Options();
    options.listen = {absl::StrCat("fd:", (*made)[udp ? 0 : 1].fd)};
    const absl::Status status = DelegatedZone::Start(options).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), udp ? "no TCP" : "no UDP")) << status;
    close((*made)[udp ? 1 : 0].fd);  // the other one was taken over
  }
}

// A socket of both families, as a service manager makes them by default.
TEST(DelegatedZone, AnswersIpv4OnASocketOfBothFamilies) {
  const int udp = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int tcp = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 any = {};
  any.sin6_family = AF_INET6;
  ASSERT_EQ(bind(udp, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
  ASSERT_EQ(bind(tcp, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
  ASSERT_EQ(listen(tcp, 16), 0);
  DelegatedZoneOptions options = Options();
  options.listen = {absl::StrCat("fd:", udp), absl::StrCat("fd:", tcp)};
  const auto zone = Start(options);
  ASSERT_EQ(zone->places().size(), 2u);
  const auto port = [&zone](size_t i) {
    return zone->places()[i].substr(zone->places()[i].rfind(':'));
  };
  for (const std::string host : {"127.0.0.1", "127.0.0.2", "[::1]"}) {
    EXPECT_TRUE(AskUdp(absl::StrCat(host, port(0)), {.name = "acme.example.net", .type = 6}).good)
        << host;
    EXPECT_TRUE(AskTcp(absl::StrCat(host, port(1)), {.name = "acme.example.net", .type = 6}).good)
        << host;
  }
}

TEST(DelegatedZone, ATakenPortIsAnErrorThatSaysWhere) {
  const auto zone = Start(Options());
  DelegatedZoneOptions options = Options();
  options.listen = {"127.0.0.1:0", std::string(absl::StripPrefix(zone->place(), "dns://"))};
  const absl::Status status = DelegatedZone::Start(options).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), options.listen[1])) << status;
}

// Writers, and clients by both transports, at once.
TEST(DelegatedZone, IsThreadSafe) {
  const auto zone = Start(Options());
  ASSERT_TRUE(zone->Add(N("www.acme.example.net"), "stays").ok());
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&zone, &done, t] {
      for (int i = 0; !done; ++i) {
        const std::string value = absl::StrCat(t, "-", i);
        EXPECT_TRUE(zone->Add(N("www.acme.example.net"), value).ok());
        EXPECT_TRUE(zone->Add(N(absl::StrCat("n", t, ".acme.example.net")), value).ok());
        EXPECT_TRUE(zone->Remove(N("www.acme.example.net"), value).ok());
        EXPECT_TRUE(zone->Remove(N(absl::StrCat("n", t, ".acme.example.net")), value).ok());
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto values =
        Values((i % 2 == 0 ? AskUdp : AskTcp)(zone->place(), {.name = "www.acme.example.net"}));
    EXPECT_EQ(values.count("stays"), 1u);
    EXPECT_LE(values.size(), 3u);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(zone->answers().served, 200);
}

class DelegatedZoneUnderTest final : public TxtWriterUnderTest {
 public:
  TxtWriter& writer() override { return *zone_; }
  bool PutAsStranger(const dns::Name&, const std::string&) override { return false; }
  std::set<std::string> Look(const dns::Name& owner) override {
    const TestQuery query{.name = owner.text(), .edns = true};
    const auto values = Values(AskUdp(zone_->place(), query));
    EXPECT_EQ(Values(AskTcp(zone_->place(), query)), values);
    return values;
  }

 private:
  const std::unique_ptr<DelegatedZone> zone_ = Start(Options());
};

std::unique_ptr<TxtWriterUnderTest> MakeDelegatedZoneUnderTest() {
  return std::make_unique<DelegatedZoneUnderTest>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(DelegatedZone, TxtWriterContract,
                         testing::Values(&MakeDelegatedZoneUnderTest));

}  // namespace norroy::agent
