#include "common/dns/resolver.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::dns {
namespace {

constexpr size_t kMaxHostServers = 3;  // resolv.conf(5), MAXNS
constexpr int kMaxLines = 1000;

absl::Status Refusal(const Server& server, const Query& query, Rcode rcode) {
  const std::string name = RcodeName(rcode);
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("DNS_", name),
                   absl::StrCat("DNS server ", server.text(), " says ", name, " to ",
                                TypeName(query.type), " of ", query.name.absolute()));
}

absl::Status TimeIsOver(const Query& query) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT",
                   absl::StrCat("no time is left to ask for ", TypeName(query.type), " of ",
                                query.name.absolute()));
}

bool HasAnswer(const Message& message) {
  return message.rcode == Rcode::kNoError || message.rcode == Rcode::kNxDomain;
}

// A validating resolver says SERVFAIL where signatures do not hold, and tells what there is when it
// need not check (RFC 4035 5.5, 3.2.2).
bool IsBogus(Client& client, const Server& server, Query query, absl::Duration timeout) {
  query.checking_disabled = true;
  const auto unchecked = client.Ask(server, query, timeout);
  return unchecked.ok() && HasAnswer(*unchecked);
}

absl::Status Bogus(const Server& server, const Query& query) {
  return MakeError(absl::StatusCode::kUnavailable, "DNSSEC_BOGUS",
                   absl::StrCat("DNSSEC validation fails for ", query.name.absolute(),
                                ": DNS server ", server.text(), " says SERVFAIL to ",
                                TypeName(query.type), ", and answers with checking disabled"));
}

}  // namespace

absl::StatusOr<Message> Resolver::Resolve(const Query& query, absl::Duration timeout,
                                          absl::Duration total) {
  SystemClock clock;
  const absl::Duration end = clock.Monotonic() + total;
  const auto left = [&] { return std::min(timeout, end - clock.Monotonic()); };
  absl::Status last = MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CONFIG",
                                "no DNS resolver is configured");
  const Server* failing = nullptr;
  const size_t first = first_;
  for (size_t i = 0; i < servers_.size(); ++i) {
    // The others in their order.
    const size_t place = i == 0 ? first : i <= first ? i - 1 : i;
    const Server& server = servers_[place];
    const absl::Duration patience = left();
    if (patience <= absl::ZeroDuration()) {
      return i > 0 ? last : TimeIsOver(query);
    }
    auto message = client_.Ask(server, query, patience);
    if (!message.ok()) {
      last = message.status();
      continue;
    }
    if (HasAnswer(*message)) {
      first_ = place;
      return message;
    }
    last = Refusal(server, query, message->rcode);
    if (message->rcode == Rcode::kServFail) failing = &server;
  }
  if (failing != nullptr && !query.checking_disabled && left() > absl::ZeroDuration() &&
      IsBogus(client_, *failing, query, left())) {
    return Bogus(*failing, query);
  }
  return last;
}

absl::StatusOr<std::vector<Server>> ReadResolvConf(const std::string& path) {
  std::ifstream file(path);
  std::vector<Server> servers;
  std::string line;
  for (int i = 0; i < kMaxLines && servers.size() < kMaxHostServers && std::getline(file, line);
       ++i) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() < 2 || words[0] != "nameserver") continue;
    // An address with a zone ("fe80::1%eth0") or nonsense is passed over, as the host does.
    const auto server = Server::Parse(words[1]);
    if (server.ok()) servers.push_back(*server);
  }
  if (!servers.empty()) return servers;
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CONFIG",
                   absl::StrCat(path,
                                " names no DNS server; write a \"nameserver\" line there, or "
                                "configure resolvers"));
}

absl::StatusOr<std::vector<Server>> ResolversFrom(const std::vector<std::string>& configured) {
  if (configured.empty()) return ReadResolvConf();
  if (configured.size() > static_cast<size_t>(kMaxResolvers)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                     absl::StrCat(configured.size(), " DNS resolvers are configured; ",
                                  kMaxResolvers, " are allowed"));
  }
  std::vector<Server> servers;
  for (const std::string& text : configured) {
    NORROY_ASSIGN_OR_RETURN(Server server, Server::Parse(text));
    servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace norroy::dns
