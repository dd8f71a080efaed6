#include "validator/preflight/http_look.h"

#include "absl/strings/str_cat.h"
#include "validator/preflight/http_fetch.h"
#include "validator/preflight/outcome.h"

namespace norroy::validator::preflight {
namespace {

// An address that was right once: is it always?
Outcome LookAgain(const Viewpoint& viewpoint, const HttpQuestion& question,
                  const Deadline& deadline) {
  int made = 1;
  int wrong = 0;
  Outcome last;
  while (made <= kFurtherConnections && !deadline.passed()) {
    Outcome outcome = Fetch(viewpoint, question, deadline);
    // What broke off because the time is over says nothing.
    if (outcome.seen != Seen::kRight && deadline.passed()) break;
    ++made;
    if (outcome.seen == Seen::kRight) continue;
    ++wrong;
    last = std::move(outcome);
  }
  if (wrong == 0) return {};
  return Wrong("SOME_BACKENDS_FAIL",
               absl::StrCat(wrong, " of ", made, " connections to ", question.address.text(),
                            " were answered wrongly, the others rightly. ", last.finding.code, ": ",
                            last.finding.message),
               "several servers share this address: every one of them needs an agent (or drain "
               "those without one from the balancer)");
}

}  // namespace

Sight HttpLook(const Viewpoint& viewpoint, const challenge::Proof& proof,
               const std::vector<Address>& addresses, const Deadline& deadline) {
  const std::string name = proof.name.text();
  const Url url = {.host = name, .path = proof.http_path()};
  return LookAtEach(viewpoint, name, addresses, [&](const Address& address) {
    const HttpQuestion question = {url, address, proof.key_authorization.value()};
    Outcome outcome = Fetch(viewpoint, question, deadline);
    if (outcome.seen == Seen::kRight) outcome = LookAgain(viewpoint, question, deadline);
    return outcome;
  });
}

}  // namespace norroy::validator::preflight
