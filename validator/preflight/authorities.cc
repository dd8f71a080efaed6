#include "validator/preflight/authorities.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/preflight/lookup.h"

namespace norroy::validator::preflight {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(2);

// The zone cut at or above `name` that this answer to a question for its SOA shows.
bool FindApex(const dns::Message& message, const dns::Name& name, dns::Name& apex) {
  if (!message.Find(name, dns::Type::kSoa).empty()) {
    apex = name;
    return true;
  }
  // Through a CNAME, the authority section speaks of the target.
  if (!message.Find(name, dns::Type::kCname).empty()) return false;
  for (const dns::Record& record : message.authority) {
    if (record.type != dns::Type::kSoa || !name.IsWithin(record.owner)) continue;
    apex = record.owner;
    return true;
  }
  return false;
}

absl::StatusOr<dns::Name> ApexAbove(const Viewpoint& viewpoint, dns::Name name,
                                    const Deadline& deadline) {
  for (;;) {
    NORROY_ASSIGN_OR_RETURN(
        const dns::Message message,
        AskResolvers(viewpoint, {.name = name, .type = dns::Type::kSoa, .checking_disabled = true},
                     deadline));
    dns::Name apex;
    if (FindApex(message, name, apex)) return apex;
    if (name.is_root()) {
      return MakeError(absl::StatusCode::kNotFound, "NO_ZONE",
                       "the resolver knows no SOA record above it");
    }
    name = name.parent();
  }
}

std::vector<Address> GlueOf(const dns::Name& server, const dns::Message& referral) {
  std::vector<Address> addresses;
  for (const dns::Record& record : referral.additional) {
    const bool address = record.type == dns::Type::kA || record.type == dns::Type::kAaaa;
    if (!address || record.owner != server) continue;
    const absl::StatusOr<Address> parsed = Address::Parse(record.text);
    if (parsed.ok()) addresses.push_back(*parsed);
  }
  return addresses;
}

// The addresses of each server: those of the referral, else those in DNS.
Zone WithAddresses(const Viewpoint& viewpoint, const dns::Name& apex,
                   std::vector<dns::Name> servers, const dns::Message& referral,
                   const Deadline& deadline) {
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  if (servers.size() > kMaxNameServers) servers.resize(kMaxNameServers);
  std::vector<std::vector<Address>> found(servers.size());
  viewpoint.crew.Each(servers.size(), [&](size_t i) {
    found[i] = GlueOf(servers[i], referral);
    if (!found[i].empty()) return;
    auto addresses = LookUpAddresses(viewpoint, servers[i], deadline, true);
    if (addresses.ok()) found[i] = *std::move(addresses);
  });
  Zone zone = {.apex = apex};
  for (size_t i = 0; i < servers.size(); ++i) {
    if (found[i].empty()) zone.without_address.push_back(servers[i]);
    for (const Address& address : found[i]) {
      if (zone.authorities.size() < kMaxAuthorities) {
        zone.authorities.push_back({servers[i], address});
      }
    }
  }
  return zone;
}

std::vector<dns::Name> TargetsOf(const std::vector<dns::Record>& records) {
  std::vector<dns::Name> targets;
  for (const dns::Record& record : records) {
    if (record.type == dns::Type::kNs) targets.push_back(record.target);
  }
  return targets;
}

// RFC 1034 4.2.1: no answer, and name servers of a zone between the asked one and the name.
bool IsReferral(const dns::Message& message, const Zone& zone, const dns::Name& name) {
  if (message.authoritative || !message.answers.empty()) return false;
  return std::any_of(message.authority.begin(), message.authority.end(), [&](const auto& record) {
    return record.type == dns::Type::kNs && record.owner != zone.apex &&
           record.owner.IsWithin(zone.apex) && name.IsWithin(record.owner);
  });
}

void Classify(const absl::StatusOr<dns::Message>& message, const Zone& zone, const dns::Name& name,
              Reply& reply) {
  if (!message.ok()) {
    reply.kind = ReplyKind::kSilent;
    reply.problem = message.status().code() == absl::StatusCode::kDeadlineExceeded
                        ? "does not answer"
                        : "cannot be asked";
    return;
  }
  const dns::Rcode rcode = message->rcode;
  reply.message = *message;
  if (rcode == dns::Rcode::kRefused || rcode == dns::Rcode::kNotAuth) {
    reply.kind = ReplyKind::kLame;
    reply.problem = absl::StrCat("answers ", dns::RcodeName(rcode));
  } else if (rcode != dns::Rcode::kNoError && rcode != dns::Rcode::kNxDomain) {
    reply.kind = ReplyKind::kFails;
    reply.problem = absl::StrCat("answers ", dns::RcodeName(rcode));
  } else if (message->authoritative) {
    reply.kind = ReplyKind::kAnswer;
  } else if (IsReferral(*message, zone, name)) {
    reply.kind = ReplyKind::kReferral;
    reply.problem = "refers to the servers of a zone below";
  } else {
    reply.kind = ReplyKind::kLame;
    reply.problem = "answers without authority (no AA)";
  }
}

}  // namespace

std::string Authority::text() const { return absl::StrCat(name.text(), " (", address.text(), ")"); }

absl::StatusOr<Zone> FindZone(const Viewpoint& viewpoint, const dns::Name& name,
                              const Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(const dns::Name apex, ApexAbove(viewpoint, name.parent(), deadline));
  NORROY_ASSIGN_OR_RETURN(
      const dns::Message message,
      AskResolvers(viewpoint, {.name = apex, .type = dns::Type::kNs, .checking_disabled = true},
                   deadline));
  return WithAddresses(viewpoint, apex, TargetsOf(message.Find(apex, dns::Type::kNs)), {},
                       deadline);
}

std::vector<Reply> AskAuthorities(const Viewpoint& viewpoint, const Zone& zone,
                                  const dns::Name& name, dns::Type type, const Deadline& deadline) {
  std::vector<Reply> replies;
  for (const Authority& authority : zone.authorities) replies.push_back({.authority = authority});
  viewpoint.crew.Each(replies.size(), [&](size_t i) {
    Reply& reply = replies[i];
    const Address& address = reply.authority.address;
    const absl::string_view why = viewpoint.guard.WhyForbidden(address);
    if (!why.empty()) {
      reply.kind = ReplyKind::kForbidden;
      reply.problem = std::string(why);
      return;
    }
    const dns::Server server = {address.text(), viewpoint.ports.dns};
    const dns::Query query = {.name = name, .type = type, .recursion_desired = false};
    const Deadline until = deadline.Within(kAskTimeout);
    const auto message = viewpoint.client.Ask(server, query, until.Left());
    Classify(message, zone, name, reply);
    if (absl::IsDeadlineExceeded(message.status()) && until.cut_short()) {
      reply.kind = ReplyKind::kCutShort;
    }
  });
  return replies;
}

Zone FollowReferral(const Viewpoint& viewpoint, const dns::Name& name, const dns::Message& referral,
                    const Deadline& deadline) {
  dns::Name apex;
  for (const dns::Record& record : referral.authority) {
    if (record.type == dns::Type::kNs && name.IsWithin(record.owner)) apex = record.owner;
  }
  return WithAddresses(viewpoint, apex, TargetsOf(referral.authority), referral, deadline);
}

}  // namespace norroy::validator::preflight
