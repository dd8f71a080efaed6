#include "validator/preflight/lookup.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/dns/alias.h"
#include "common/dns/resolver.h"
#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

std::vector<Address> AddressesOf(const absl::StatusOr<dns::Message>& message,
                                 const dns::Query& query) {
  std::vector<Address> addresses;
  if (!message.ok()) return addresses;
  for (const dns::Record& record : FollowedAnswers(*message, query.name, query.type)) {
    const absl::StatusOr<Address> address = Address::Parse(record.text);
    if (!address.ok()) continue;
    if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) continue;
    addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

absl::StatusOr<dns::Message> AskResolvers(const Viewpoint& viewpoint, const dns::Query& query,
                                          const Deadline& deadline) {
  dns::Resolver resolver(viewpoint.client, viewpoint.resolvers);
  // One after the other: each gets its share of what time is left.
  const auto servers = static_cast<int64_t>(std::max<size_t>(viewpoint.resolvers.size(), 1));
  const Deadline until = deadline.Within(dns::kResolveTimeout);
  auto message = resolver.Resolve(query, std::min(dns::kResolveTimeout, deadline.Left() / servers));
  if (absl::IsDeadlineExceeded(message.status()) && until.cut_short()) {
    return MakeError(
        absl::StatusCode::kCancelled, "LOOK_TIMED_OUT",
        absl::StrCat("the time for this look was over before ", dns::TypeName(query.type), " of ",
                     query.name.text(), " was answered"));
  }
  return message;
}

std::vector<dns::Record> FollowedAnswers(const dns::Message& message, const dns::Name& name,
                                         dns::Type type) {
  dns::Name owner = name;
  for (int hop = 0; hop <= dns::kMaxCnames; ++hop) {
    std::vector<dns::Record> found = message.Find(owner, type);
    if (!found.empty()) return found;
    const std::vector<dns::Record> aliases = message.Find(owner, dns::Type::kCname);
    if (aliases.empty()) break;
    owner = aliases.front().target;
  }
  return {};
}

absl::StatusOr<std::vector<Address>> LookUpAddresses(const Viewpoint& viewpoint,
                                                     const dns::Name& host,
                                                     const Deadline& deadline,
                                                     bool checking_disabled) {
  const dns::Query queries[] = {
      {.name = host, .type = dns::Type::kAaaa, .checking_disabled = checking_disabled},
      {.name = host, .type = dns::Type::kA, .checking_disabled = checking_disabled},
  };
  absl::StatusOr<dns::Message> messages[] = {dns::Message(), dns::Message()};
  viewpoint.crew.Each(
      2, [&](size_t i) { messages[i] = AskResolvers(viewpoint, queries[i], deadline); });
  std::vector<Address> addresses = AddressesOf(messages[0], queries[0]);
  const std::vector<Address> v4 = AddressesOf(messages[1], queries[1]);
  if (addresses.empty() && v4.empty()) {
    for (const auto& message : {messages[1].status(), messages[0].status()}) {
      if (!message.ok()) return message;
    }
  }
  const size_t half = kMaxAddresses / 2;
  const size_t room = v4.size() < half ? kMaxAddresses - v4.size() : half;
  if (addresses.size() > room) addresses.erase(addresses.begin() + room, addresses.end());
  const size_t left = std::min(kMaxAddresses - addresses.size(), v4.size());
  addresses.insert(addresses.end(), v4.begin(), v4.begin() + left);
  return addresses;
}

}  // namespace norroy::validator::preflight
