#include "agent/presenter/delegated_zone/delegated_zone.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/presenter/delegated_zone/dns_answer.h"
#include "agent/presenter/delegated_zone/dns_query.h"
#include "agent/presenter/listen_address.h"
#include "agent/presenter/listen_set.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

absl::Status BadConfig(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("delegated_zone: ", what));
}

absl::Status CheckNames(const DelegatedZoneOptions& options) {
  if (options.zone.is_root()) return BadConfig("zone is missing: which zone do agents answer for?");
  if (options.zone.text().size() > kMaxDelegatedZone) {
    return BadConfig(
        absl::StrCat("zone ", options.zone.text(), " has over ", kMaxDelegatedZone, " characters"));
  }
  const size_t count = options.name_servers.size();
  if (count == 0 || count > kMaxNameServers) {
    return BadConfig(
        absl::StrCat("name_servers has ", count, " names, not 1 to ", kMaxNameServers));
  }
  for (const dns::Name& server : options.name_servers) {
    if (server.is_root()) return BadConfig("name_servers: a name is empty");
    if (server.IsWithin(options.zone)) {
      return BadConfig(absl::StrCat("name_servers: ", server.text(), " is in the zone ",
                                    options.zone.text(),
                                    " itself, which holds no addresses; give the agents' hosts "
                                    "names outside it"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ListenAddress>> ParseAddresses(const DelegatedZoneOptions& options) {
  NORROY_ASSIGN_OR_RETURN(std::vector<ListenAddress> addresses,
                          ParseListen("delegated_zone", options.listen));
  for (const ListenAddress& address : addresses) {
    if (!address.is_unix()) continue;
    return BadConfig(absl::StrCat("listen: ", address.text(), ": DNS needs an address and a port"));
  }
  return addresses;
}

void CloseAll(const std::vector<BoundSocket>& sockets) {
  for (const BoundSocket& socket : sockets) close(socket.fd);
}

absl::StatusOr<std::vector<BoundSocket>> BindAll(const DelegatedZoneOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<ListenAddress> addresses, ParseAddresses(options));
  std::vector<BoundSocket> sockets;
  for (const ListenAddress& address : addresses) {
    auto bound = address.BindUdpAndTcp("dns");
    if (!bound.ok()) {
      CloseAll(sockets);
      return WithContext(bound.status(), "delegated_zone");
    }
    sockets.insert(sockets.end(), bound->begin(), bound->end());
  }
  const auto udp = std::count_if(sockets.begin(), sockets.end(),
                                 [](const BoundSocket& socket) { return socket.datagram; });
  // Resolvers begin by UDP, and go on by TCP where an answer is truncated.
  if (udp > 0 && static_cast<size_t>(udp) < sockets.size()) return sockets;
  CloseAll(sockets);
  return absl::FailedPreconditionError(absl::StrCat(
      "delegated_zone: listen has no ", udp == 0 ? "UDP" : "TCP",
      " socket; give ListenStream= and ListenDatagram= to the socket unit, and both as fd:"));
}

}  // namespace

absl::Status DelegatedZone::Check(const DelegatedZoneOptions& options) {
  NORROY_RETURN_IF_ERROR(CheckNames(options));
  if (options.responses_per_second < 1 || options.responses_per_second > kMaxResponsesPerSecond) {
    return BadConfig(absl::StrCat("responses_per_second is ", options.responses_per_second,
                                  ", not 1 to ", kMaxResponsesPerSecond));
  }
  return ParseAddresses(options).status();
}

DelegatedZone::DelegatedZone(const DelegatedZoneOptions& options)
    : zones_({options.zone}),
      table_(options.zone, options.name_servers),
      clock_(options.clock != nullptr ? *options.clock : system_clock_),
      limiter_(options.responses_per_second) {}

absl::StatusOr<std::unique_ptr<DelegatedZone>> DelegatedZone::Start(
    const DelegatedZoneOptions& options) {
  NORROY_RETURN_IF_ERROR(Check(options));
  NORROY_ASSIGN_OR_RETURN(std::vector<BoundSocket> sockets, BindAll(options));
  std::unique_ptr<DelegatedZone> zone(new DelegatedZone(options));
  for (const BoundSocket& socket : sockets) {
    auto& places = zone->places_;
    if (std::find(places.begin(), places.end(), socket.place) == places.end()) {
      places.push_back(socket.place);
    }
  }
  zone->place_ = absl::StrJoin(zone->places_, ", ");
  DelegatedZone& self = *zone;
  NORROY_ASSIGN_OR_RETURN(
      zone->server_, DnsServer::Start(std::move(sockets), options.server,
                                      [&self](absl::string_view message, DnsTransport transport,
                                              const sockaddr_storage& peer) {
                                        return self.Handle(message, transport, peer);
                                      }));
  return zone;
}

absl::Status DelegatedZone::Add(const dns::Name& owner, const std::string& value) {
  return table_.Add(owner, value);
}

absl::Status DelegatedZone::Remove(const dns::Name& owner, const std::string& value) {
  return table_.Remove(owner, value);
}

TxtWriter::Answers DelegatedZone::answers() { return {.served = served_, .unknown = unknown_}; }

std::string DelegatedZone::Handle(absl::string_view message, DnsTransport transport,
                                  const sockaddr_storage& peer) {
  const bool udp = transport == DnsTransport::kUdp;
  const DnsParse parse = ParseDnsQuery(message, udp ? kMaxUdpQuery : kMaxTcpQuery);
  if (parse.state == DnsParseState::kIgnore) return "";
  if (udp) {
    const auto verdict = limiter_.Take(ClientNetwork(peer), clock_.Monotonic());
    if (verdict == ResponseLimiter::Verdict::kDrop) return "";
    if (verdict == ResponseLimiter::Verdict::kTruncate) return TruncatedDnsAnswer(parse);
  }
  DnsAnswer answer = AnswerDns(parse, transport, table_);
  if (answer.served) ++served_;
  if (answer.unknown) ++unknown_;
  return std::move(answer.bytes);
}

}  // namespace norroy::agent
