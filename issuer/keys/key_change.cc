// How the account's key is changed, and how a change that was cut short comes to its end.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/keys/account.h"

namespace norroy::keys {
namespace {

using store::AccountRecord;

// Between two questions to a CA that does not answer.
constexpr absl::Duration kPause = absl::Seconds(5);

// After such an error the CA has certainly not done what was asked.
bool HasNotHappened(const absl::Status& error) {
  const std::string reason = ErrorReason(error);
  if (ErrorMetadataOf(error)["sent"] == "no" || reason == "CA_LACKS") return true;
  const std::optional<acme::Problem> problem = acme::ProblemOf(error);
  return problem.has_value() && problem->status >= 400 && problem->status < 500;
}

absl::Status Taken(const std::string& other, const std::string& ca) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "ACCOUNT_KEY_TAKEN",
                   absl::StrCat("the new key is that of another account at CA ", ca, ": ", other,
                                "; the account keeps its key. Configure a key that no account has ",
                                "as next_account_key"),
                   {{"location", other}});
}

// RFC 8555 7.3.5: 409, with the URL of the account that has the key.
absl::Status InWords(const absl::Status& refusal, const std::string& ca) {
  const std::string other = ErrorMetadataOf(refusal)["location"];
  if (!other.empty()) return Taken(other, ca);
  return WithContext(refusal, absl::StrCat("the account at CA ", ca, " keeps its key"));
}

absl::Status NextKeyIsGone() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NEXT_KEY_MISSING",
                   "a change that was cut short had not reached the CA, and the configuration does "
                   "not name its key any more");
}

}  // namespace

absl::Status Account::Step(absl::string_view step) {
  return options_.after_step ? options_.after_step(step) : absl::OkStatus();
}

absl::StatusOr<std::string> Account::AccountOf(crypto::Signer& signer) {
  NORROY_ASSIGN_OR_RETURN(
      const std::unique_ptr<acme::Client> client,
      acme::Client::Make(settings_.acme, *http_, signer, options_.clock, options_.random));
  acme::NewAccount look;
  // RFC 8555 7.3.1: none is made.
  look.only_return_existing = true;
  const absl::StatusOr<acme::Account> account = client->CreateAccount(look);
  if (account.ok()) return account->url;
  if (ErrorMetadataOf(account.status())["acme_type"] == "accountDoesNotExist") return "";
  return account.status();
}

// Asked by the new key first: the old one may be dead, and nothing may be concluded from that.
absl::StatusOr<bool> Account::NextKeyCounts() {
  const std::string url = record().url;
  if (files_->next() != nullptr) {
    NORROY_ASSIGN_OR_RETURN(const std::string by_next, AccountOf(*files_->next()));
    if (by_next == url) return true;
    // A key is of one account: ours has not got it, whatever the CA answered (Pebble: 500).
    if (!by_next.empty()) return Taken(by_next, ca());
  }
  NORROY_ASSIGN_OR_RETURN(const std::string by_current, AccountOf(*files_->current()));
  if (by_current == url) return false;
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "ACCOUNT_KEY_LOST",
      absl::StrCat("a change of the key of the account ", url, " at CA ", ca(),
                   " was cut short, and the CA knows the account by none of the keys that there ",
                   "are; both are kept. If cas[].next_account_key was taken out of the ",
                   "configuration, put it back; else ask the CA"));
}

absl::Status Account::Unsettled(const absl::Status& why) {
  client_->Shut();
  const absl::Status status = MakeError(
      IsFailedPrecondition(why) ? why.code() : absl::StatusCode::kUnavailable,
      IsFailedPrecondition(why) ? ErrorReason(why) : "ACCOUNT_KEY_UNSETTLED",
      absl::StrCat("whether the CA ", ca(), " has taken the account's new key is not known yet, ",
                   "and it is asked again until it says so; orders there wait: ", why.message()),
      {{"sent", "no"}});
  MutexLock lock(&mutex_);
  unsettled_ = true;
  why_unsettled_ = status;
  next_try_ = options_.clock.Monotonic() + kPause;
  return status;
}

absl::Status Account::Finish() {
  AccountRecord changed = record();
  changed.key_thumbprint = files_->next()->public_key().thumbprint();
  if (const auto stored = Store(changed); !stored.ok()) return Unsettled(stored.status());
  NORROY_RETURN_IF_ERROR(Step("stored"));
  // The next start finishes what fails here: the store says which key it is.
  const absl::Status filed = files_->Finish();
  if (!filed.ok()) {
    log::Error("keys", "the account's new key is not in its place yet; the next start tries again",
               {{"ca", ca()}, {"error", filed.message()}});
  }
  NORROY_RETURN_IF_ERROR(Step("filed"));
  signers_.push_back(files_->current());
  {
    MutexLock lock(&mutex_);
    unsettled_ = false;
  }
  client_->Open(/*key_changed=*/true);
  log::Info("keys", "the account's key was changed",
            {{"ca", ca()}, {"key_thumbprint", changed.key_thumbprint}, {"do", files_->advice()}});
  return absl::OkStatus();
}

absl::Status Account::TakeBack(const absl::Status& why) {
  const absl::Status filed = files_->TakeBack();
  if (!filed.ok()) {
    log::Error("keys", "a refused key is still in the next one's place",
               {{"ca", ca()}, {"error", filed.message()}});
  }
  {
    MutexLock lock(&mutex_);
    unsettled_ = false;
  }
  client_->Open(/*key_changed=*/false);
  const absl::Status said = InWords(why, ca());
  log::Warning("keys", "the account's key was not changed", {{"error", said.message()}});
  return said;
}

// `maybe_sent`: the CA may have been told before.
absl::Status Account::BringToEnd(bool maybe_sent) {
  client_->Hold();
  absl::Status refusal;
  for (int sends = 0;; ++sends) {
    if (maybe_sent) {
      const absl::StatusOr<bool> counts = NextKeyCounts();
      if (ErrorReason(counts.status()) == "ACCOUNT_KEY_TAKEN") return TakeBack(counts.status());
      if (!counts.ok()) return Unsettled(counts.status());
      if (*counts) {
        client_->UseKey(*files_->next());
        return Finish();
      }
    }
    if (!refusal.ok()) return TakeBack(refusal);
    if (files_->next() == nullptr) return TakeBack(NextKeyIsGone());
    const absl::Status changed = client_->ChangeKey(*files_->next());
    if (changed.ok()) {
      NORROY_RETURN_IF_ERROR(Step("changed"));
      return Finish();
    }
    const bool refused = HasNotHappened(changed);
    if (refused && !maybe_sent) return TakeBack(changed);
    if (!refused && sends > 0) return Unsettled(changed);
    // What was sent before may have reached the CA meanwhile: it is asked once more.
    if (refused) refusal = changed;
    maybe_sent = true;
  }
}

absl::Status Account::Settle() {
  {
    MutexLock lock(&mutex_);
    if (!unsettled_) return absl::OkStatus();
    if (options_.clock.Monotonic() < next_try_) return why_unsettled_;
  }
  const absl::Status ended = BringToEnd(/*maybe_sent=*/true);
  MutexLock lock(&mutex_);
  // Taken back is an end, too.
  return unsettled_ ? ended : absl::OkStatus();
}

absl::StatusOr<AccountRecord> Account::ChangeKey() {
  MutexLock changing(&changing_);
  NORROY_RETURN_IF_ERROR(CheckUsable());
  if (options_.other_issuers && options_.other_issuers() > 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "OTHER_ISSUERS",
                     absl::StrCat("other issuers work with the account at CA ", ca(),
                                  ", and would go on with the key before: stop them, change the ",
                                  "key, give them the new one, and start them again"));
  }
  const std::string before = record().key_thumbprint;
  NORROY_RETURN_IF_ERROR(Settle());
  // What was asked for earlier and cut short has come to its end.
  if (record().key_thumbprint != before) return record();
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, client_->GetDirectory());
  if (directory.key_change.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "CA_LACKS",
                     absl::StrCat("CA ", ca(), " has no keyChange: its accounts keep their keys"));
  }
  if (!client_->AwaitVerdicts(options_.verdicts_limit)) {
    return MakeError(absl::StatusCode::kUnavailable, "VALIDATIONS_UNDER_WAY",
                     absl::StrCat("CA ", ca(), " is looking at proofs that rest on the account's ",
                                  "key, and had no verdict after ",
                                  absl::FormatDuration(options_.verdicts_limit),
                                  "; nothing was changed, try again"));
  }
  if (const absl::Status begun = files_->Begin(); !begun.ok()) {
    client_->Open(/*key_changed=*/false);
    return begun;
  }
  NORROY_RETURN_IF_ERROR(Step("written"));
  NORROY_RETURN_IF_ERROR(BringToEnd(/*maybe_sent=*/false));
  return record();
}

}  // namespace norroy::keys
