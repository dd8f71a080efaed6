#include "validator/preflight/dns_look.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "validator/preflight/delegation.h"
#include "validator/preflight/dnssec_look.h"
#include "validator/preflight/lookup.h"

namespace norroy::validator::preflight {
namespace {

std::vector<std::string> ValuesOf(const dns::Message& message, const dns::Name& owner) {
  std::vector<std::string> values;
  for (const dns::Record& record : FollowedAnswers(message, owner, dns::Type::kTxt)) {
    values.push_back(record.text);
  }
  return values;
}

bool Holds(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

class Looking {
 public:
  Looking(const Viewpoint& viewpoint, const challenge::Proof& proof, const Delegation& delegation,
          const Deadline& deadline)
      : viewpoint_(viewpoint),
        value_(proof.dns_value()),
        delegation_(delegation),
        deadline_(deadline) {}

  Sight Run();

 private:
  void JudgeServers();
  void JudgeServer(const Reply& reply);
  void JudgeNone();
  void JudgeValues();
  void JudgeMissing();
  void JudgeCrowd(const std::vector<std::string>& values);
  ResolverReplies AskResolvers() const {
    return AskEveryResolver(viewpoint_, delegation_.path.front(), dns::Type::kTxt, deadline_);
  }
  // Whether what the authorities say is what resolvers say.
  void JudgeCached(const ResolverReplies& replies);
  void JudgeOld(const dns::Message& message, const dns::Server& server);

  const Viewpoint& viewpoint_;
  const std::string value_;
  const Delegation& delegation_;
  const Deadline& deadline_;
  std::vector<const Reply*> with_;     // have the value
  std::vector<const Reply*> without_;  // answer, and have it not
  Sight sight_;
};

std::string Names(const std::vector<const Reply*>& replies) {
  return absl::StrJoin(replies, ", ", [](std::string* out, const Reply* reply) {
    absl::StrAppend(out, reply->authority.text());
  });
}

Sight Looking::Run() {
  for (const Reply& reply : delegation_.replies) {
    if (reply.kind != ReplyKind::kAnswer) continue;
    const bool holds = Holds(ValuesOf(reply.message, delegation_.owner()), value_);
    (holds ? with_ : without_).push_back(&reply);
  }
  JudgeServers();
  if (with_.empty() && without_.empty()) {
    JudgeNone();
    return sight_;
  }
  JudgeValues();
  if (without_.empty()) {
    const ResolverReplies replies = AskResolvers();
    sight_.Merge(replies.sight);
    JudgeCached(replies);
  }
  return sight_;
}

void Looking::JudgeServers() {
  for (const dns::Name& server : delegation_.zone.without_address) {
    sight_.Warning("SERVER_WITHOUT_ADDRESS",
                   absl::StrCat("name server ", server.text(), " of zone ",
                                delegation_.zone.apex.absolute(), " has no address in DNS"),
                   "add its address, or remove its NS record");
  }
  for (const Reply& reply : delegation_.replies) JudgeServer(reply);
}

void Looking::JudgeServer(const Reply& reply) {
  const std::string what = absl::StrCat("name server ", reply.authority.text(), " of zone ",
                                        delegation_.zone.apex.absolute(), " ", reply.problem);
  const bool others = !with_.empty() || !without_.empty();
  switch (reply.kind) {
    case ReplyKind::kLame:
    case ReplyKind::kReferral:
      sight_.Fail(
          "LAME_SERVER",
          absl::StrCat(what, " for ", delegation_.owner().text(),
                       others ? ", where others answer; the CA's resolver may pick it" : ""),
          "load the zone at this server, or remove its NS record here and at the parent");
      return;
    case ReplyKind::kFails:
    case ReplyKind::kSilent:
      // A resolver goes on to the next server, mostly.
      if (!others) return;
      sight_.Warning("LAME_SERVER",
                     absl::StrCat(what, " to a question for ", delegation_.owner().text(),
                                  ", where others do; the CA's resolver may pick it first and run "
                                  "out of time"),
                     "mend this server, or remove its NS record here and at the parent");
      return;
    case ReplyKind::kForbidden:
      sight_.Unknown("ADDRESS_FORBIDDEN",
                     absl::StrCat("name server ", reply.authority.text(), " is ", reply.problem,
                                  ": this validator does not ask there"),
                     "a public CA cannot reach it either: correct DNS. If your CA can, put its "
                     "network into dns.allow_networks of validator.yaml");
      return;
    case ReplyKind::kCutShort:
      sight_.CutShort(absl::StrCat("name server ", reply.authority.text(), " of zone ",
                                   delegation_.zone.apex.absolute(), " answered for ",
                                   delegation_.owner().text()));
      return;
    case ReplyKind::kAnswer:
      return;
  }
}

// No server with authority answered: what the resolvers got from them must do.
void Looking::JudgeNone() {
  const std::string zone = delegation_.zone.apex.absolute();
  const ResolverReplies replies = AskResolvers();
  const bool seen = std::any_of(replies.messages.begin(), replies.messages.end(),
                                [this](const dns::Message& message) {
                                  return Holds(ValuesOf(message, delegation_.path.front()), value_);
                                });
  if (replies.sight.Has("DNSSEC_BOGUS")) sight_.Merge(replies.sight);
  if (delegation_.replies.empty()) {
    sight_.Unknown("NO_NAME_SERVER",
                   absl::StrCat("zone ", zone, " has no name server with an address"),
                   "delegate the zone to servers that have addresses");
    return;
  }
  std::vector<std::string> failing;
  for (const Reply& reply : delegation_.replies) {
    if (reply.kind != ReplyKind::kFails && reply.kind != ReplyKind::kSilent) continue;
    failing.push_back(absl::StrCat(reply.authority.text(), " ", reply.problem));
  }
  if (failing.empty()) return;
  const std::string message =
      absl::StrCat("no name server of zone ", zone, " answers this validator for ",
                   delegation_.owner().text(), ": ", absl::StrJoin(failing, ", "));
  const std::string advice =
      "see to these servers; if they answer elsewhere, let this validator's host ask UDP and TCP "
      "port 53";
  if (seen) {
    sight_.Warning("SERVERS_FAIL", absl::StrCat(message, "; the resolver has the value"), advice);
  } else {
    sight_.Unknown("SERVERS_FAIL", message, advice);
  }
}

void Looking::JudgeValues() {
  const Reply* fullest = nullptr;
  size_t most = 0;
  for (const auto& replies : {with_, without_}) {
    for (const Reply* reply : replies) {
      const size_t count = ValuesOf(reply->message, delegation_.owner()).size();
      if (fullest == nullptr || count > most) fullest = reply;
      most = std::max(most, count);
    }
  }
  JudgeCrowd(ValuesOf(fullest->message, delegation_.owner()));
  if (with_.empty()) {
    JudgeMissing();
  } else if (!without_.empty()) {
    sight_.Wait(Severity::kWarning, "LAGGING_SERVER",
                absl::StrCat(Names(without_), " has not got the TXT value at ",
                             delegation_.owner().text(), " yet; ", Names(with_), " has"),
                "wait for the zone's transfer; if it takes long, let the primary notify this "
                "server and see its log",
                kLookAgainForLagging);
  }
}

void Looking::JudgeMissing() {
  const std::string owner = delegation_.owner().text();
  size_t others = 0;
  for (const Reply* reply : without_) {
    others = std::max(others, ValuesOf(reply->message, delegation_.owner()).size());
  }
  if (others == 0) {
    sight_.Wait(Severity::kError, "TXT_MISSING",
                absl::StrCat("no name server of zone ", delegation_.zone.apex.absolute(),
                             " has a TXT record at ", owner, ": asked ", Names(without_)),
                "see that the agent writes to the zone that these servers serve",
                kLookAgainForMissing);
    return;
  }
  sight_.Wait(Severity::kError, "TXT_WRONG",
              absl::StrCat("the TXT records at ", owner, " are ", others,
                           others == 1 ? " other value" : " other values", ", not ", Said(value_),
                           ": asked ", Names(without_)),
              "see that the agent writes to this zone, and that no wildcard record answers instead",
              kLookAgainForMissing);
}

void Looking::JudgeCrowd(const std::vector<std::string>& values) {
  size_t bytes = 0;
  for (const std::string& value : values) bytes += value.size();
  if (values.size() <= kManyValues && bytes <= kManyBytes) return;
  sight_.Warning("TXT_CROWDED",
                 absl::StrCat(delegation_.owner().text(), " has ", values.size(),
                              " TXT values of together ", bytes, " bytes"),
                 "remove values that old clients left: a CA's resolver may give up on large "
                 "answers");
}

void Looking::JudgeCached(const ResolverReplies& replies) {
  for (size_t i = 0; i < replies.messages.size(); ++i) {
    if (Holds(ValuesOf(replies.messages[i], delegation_.path.front()), value_)) continue;
    JudgeOld(replies.messages[i], replies.answering[i]);
    return;
  }
}

void Looking::JudgeOld(const dns::Message& message, const dns::Server& server) {
  const dns::Name& name = delegation_.path.front();
  const std::vector<dns::Record> old = FollowedAnswers(message, name, dns::Type::kTxt);
  absl::Duration left = kLookAgainForMissing;
  for (const dns::Record& record : old.empty() ? message.authority : old) {
    const bool counts = record.type == dns::Type::kSoa || record.type == dns::Type::kTxt;
    // RFC 2308 5: absence is kept for the lesser of the SOA's TTL and its last field; what a
    // resolver hands out counts down.
    const uint32_t seconds =
        record.type == dns::Type::kSoa ? std::min(record.ttl, record.negative) : record.ttl;
    if (counts) left = std::max(left, absl::Seconds(seconds));
  }
  const std::string whose = absl::StrCat("resolver ", server.text());
  const std::string still = absl::FormatDuration(left);
  sight_.Wait(
      Severity::kWarning, old.empty() ? "NEGATIVE_CACHED" : "OLD_VALUE_CACHED",
      old.empty()
          ? absl::StrCat(whose, " keeps for up to ", still, " that ", name.text(),
                         " has no TXT record, though every server of the zone has it now")
          : absl::StrCat(whose, " keeps older TXT values of ", name.text(), " for up to ", still),
      "wait, or lower the zone's negative TTL (the SOA's last field) and the records' TTL; a CA's "
      "resolver keeps answers for a minute at most, mostly",
      std::min(left, kLookAgainForCached));
}

}  // namespace

Sight DnsLook(const Viewpoint& viewpoint, const challenge::Proof& proof, const Deadline& deadline) {
  Sight sight;
  const absl::StatusOr<dns::Name> name = dns::Name::Parse(proof.dns_owner());
  if (!name.ok()) {
    sight.Fail("NAME_TOO_LONG",
               absl::StrCat(proof.dns_owner(), " is no DNS name: ", name.status().message()),
               "prove this name by http-01 or tls-alpn-01");
    return sight;
  }
  const Delegation delegation = FollowDelegation(viewpoint, *name, deadline);
  sight.Merge(delegation.sight);
  if (delegation.found) sight.Merge(Looking(viewpoint, proof, delegation, deadline).Run());
  return sight;
}

}  // namespace norroy::validator::preflight
