#include "validator/preflight/dnssec_look.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(3);

struct Answer {
  absl::StatusOr<dns::Message> message = dns::Message();
  bool bogus = false;
  bool cut_short = false;  // silent, and not given the time that an answer may take
};

bool Answers(const absl::StatusOr<dns::Message>& message) {
  return message.ok() &&
         (message->rcode == dns::Rcode::kNoError || message->rcode == dns::Rcode::kNxDomain);
}

Answer AskOne(const Viewpoint& viewpoint, const dns::Server& server, dns::Query query,
              const Deadline& deadline) {
  Answer answer;
  const Deadline until = deadline.Within(kAskTimeout);
  answer.message = viewpoint.client.Ask(server, query, until.Left());
  answer.cut_short = absl::IsDeadlineExceeded(answer.message.status()) && until.cut_short();
  if (!answer.message.ok() || answer.message->rcode != dns::Rcode::kServFail) return answer;
  query.checking_disabled = true;
  answer.bogus = Answers(viewpoint.client.Ask(server, query, deadline.Within(kAskTimeout).Left()));
  return answer;
}

std::string ProblemOf(const dns::Server& server, const Answer& answer) {
  if (answer.message.ok()) {
    return absl::StrCat(server.text(), " says ", dns::RcodeName(answer.message->rcode));
  }
  return absl::StrCat(server.text(),
                      answer.message.status().code() == absl::StatusCode::kDeadlineExceeded
                          ? " does not answer"
                          : " cannot be asked");
}

}  // namespace

ResolverReplies AskEveryResolver(const Viewpoint& viewpoint, const dns::Name& name, dns::Type type,
                                 const Deadline& deadline) {
  const std::vector<dns::Server>& servers = viewpoint.resolvers;
  std::vector<Answer> answers(servers.size());
  viewpoint.crew.Each(servers.size(), [&](size_t i) {
    answers[i] = AskOne(viewpoint, servers[i], {.name = name, .type = type}, deadline);
  });
  ResolverReplies replies;
  std::string problems;
  bool cut_short = false;
  const std::string question = absl::StrCat(dns::TypeName(type), " of ", name.text());
  for (size_t i = 0; i < servers.size(); ++i) {
    if (answers[i].bogus && !replies.sight.Has("DNSSEC_BOGUS")) {
      replies.sight.Fail(
          "DNSSEC_BOGUS",
          absl::StrCat("DNSSEC of ", question, " is bogus: resolver ", servers[i].text(),
                       " refuses it, and answers with checking disabled"),
          "sign the zone anew, or correct the DS record at its parent (dnsviz.net "
          "shows which link is broken); a CA refuses bogus names");
    }
    cut_short = cut_short || answers[i].cut_short;
    if (Answers(answers[i].message)) {
      replies.messages.push_back(*std::move(answers[i].message));
      replies.answering.push_back(servers[i]);
    } else if (!answers[i].bogus) {
      absl::StrAppend(&problems, problems.empty() ? "" : ", ", ProblemOf(servers[i], answers[i]));
    }
  }
  if (!replies.messages.empty() || replies.sight.Has("DNSSEC_BOGUS")) return replies;
  if (cut_short) {
    replies.sight.CutShort(absl::StrCat("a resolver of this validator answered for ", question));
  } else {
    replies.sight.Unknown(
        "RESOLVER_FAILS",
        absl::StrCat("no resolver of this validator answers for ", question, ": ", problems),
        "see to the resolvers in dns.resolvers of validator.yaml; if they work "
        "for other names, to the zone's own servers");
  }
  return replies;
}

}  // namespace norroy::validator::preflight
