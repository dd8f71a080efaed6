#include "validator/preflight/persist_look.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/dns/message.h"
#include "validator/preflight/dnssec_look.h"
#include "validator/preflight/lookup.h"

namespace norroy::validator::preflight {
namespace {

constexpr char kLabel[] = "_validation-persist";

// How close a record comes to what is expected; the closest counts.
enum class Fit { kUnreadable, kOtherIssuer, kOtherAccount, kExpired, kNoWildcard, kGood };

Fit FitOf(const std::optional<PersistRecord>& record, const PersistQuestion& question,
          absl::Time now) {
  if (!record.has_value()) return Fit::kUnreadable;
  if (record->issuer != question.expected.issuer) return Fit::kOtherIssuer;
  if (record->account_uri != question.expected.account_uri) return Fit::kOtherAccount;
  if (record->until.has_value() && absl::FromUnixSeconds(*record->until) <= now) {
    return Fit::kExpired;
  }
  if (question.wildcard && !record->wildcard) return Fit::kNoWildcard;
  return Fit::kGood;
}

std::string Publish(const std::string& owner, const PersistQuestion& question) {
  const std::string& name = question.name.text();
  return absl::StrCat("publish at ", owner, " the text that `norroy dns-persist ",
                      question.wildcard ? absl::StrCat("'*.", name, "'") : name, "` prints");
}

void Report(Fit best, const std::string& owner, const std::string& text, const std::string& add,
            Sight& sight) {
  const std::string at = absl::StrCat("the TXT record at ", owner, ", ", Said(text), ",");
  switch (best) {
    case Fit::kGood:
      sight.Info("PERSIST_OK", absl::StrCat("the TXT record at ", owner, " lets this account in"));
      return;
    case Fit::kNoWildcard:
      sight.Fail("PERSIST_NO_WILDCARD", absl::StrCat(at, " does not say policy=wildcard"),
                 "add \"; policy=wildcard\" to it");
      return;
    case Fit::kExpired:
      sight.Fail("PERSIST_EXPIRED", absl::StrCat(at, " has a persistUntil that is over"),
                 "publish it again with a later persistUntil, or with none");
      return;
    case Fit::kOtherAccount:
      sight.Fail("PERSIST_WRONG_ACCOUNT", absl::StrCat(at, " is for another account of the CA"),
                 add);
      return;
    case Fit::kOtherIssuer:
      sight.Fail("PERSIST_WRONG_ISSUER", absl::StrCat(at, " is for another CA"), add);
      return;
    case Fit::kUnreadable:
      sight.Fail("PERSIST_UNREADABLE",
                 absl::StrCat(at, " is not like \"ca.example.net; accounturi=https://...\""), add);
      return;
  }
}

}  // namespace

Sight PersistLook(const Viewpoint& viewpoint, const PersistQuestion& question,
                  const Deadline& deadline) {
  Sight sight;
  const absl::StatusOr<dns::Name> owner = question.name.Child(kLabel);
  if (!owner.ok()) {
    sight.Fail("NAME_TOO_LONG",
               absl::StrCat(kLabel, ".", question.name.text(), " is no DNS name: it is too long"),
               "prove this name by another type");
    return sight;
  }
  const ResolverReplies replies = AskEveryResolver(viewpoint, *owner, dns::Type::kTxt, deadline);
  sight.Merge(replies.sight);
  if (replies.messages.empty()) return sight;
  const absl::Time now = viewpoint.clock.Now();
  std::optional<Fit> best;
  std::string text;
  for (const dns::Record& record :
       FollowedAnswers(replies.messages.front(), *owner, dns::Type::kTxt)) {
    const Fit fit = FitOf(PersistRecord::Parse(record.text), question, now);
    if (best.has_value() && fit <= *best) continue;
    best = fit;
    text = record.text;
  }
  if (!best.has_value()) {
    sight.Fail("PERSIST_MISSING", absl::StrCat("there is no TXT record at ", owner->text()),
               Publish(owner->text(), question));
    return sight;
  }
  Report(*best, owner->text(), text, Publish(owner->text(), question), sight);
  return sight;
}

}  // namespace norroy::validator::preflight
