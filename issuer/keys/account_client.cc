#include "issuer/keys/account_client.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::keys {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime EndOf(absl::Duration time) {
  return std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(time);
}

absl::Duration Until(SteadyTime end) {
  return absl::FromChrono(end - std::chrono::steady_clock::now());
}

}  // namespace

absl::Status AccountClient::Changing() const {
  return MakeError(absl::StatusCode::kUnavailable, "ACCOUNT_KEY_CHANGING",
                   absl::StrCat("the key of the account at CA ", ca_,
                                " is being changed; what was to be sent is sent afterwards"),
                   {{"sent", "no"}});
}

absl::Status AccountClient::Enter() {
  const SteadyTime end = EndOf(kPatience);
  MutexLock lock(&mutex_);
  while (gate_ == Gate::kHeld) {
    const absl::Duration left = Until(end);
    if (left <= absl::ZeroDuration()) return Changing();
    changed_.WaitFor(&mutex_, left);
  }
  if (gate_ == Gate::kShut) return Changing();
  ++under_way_;
  return absl::OkStatus();
}

absl::Status AccountClient::EnterToAnswer(const std::string& challenge_url, bool& told_before) {
  MutexLock lock(&mutex_);
  // Not kept waiting: when the key has changed, the proof is none any more.
  if (gate_ != Gate::kOpen) return Changing();
  if (!told_.MayAnswer(challenge_url, key_)) {
    return MakeError(absl::StatusCode::kUnavailable, "ACCOUNT_KEY_CHANGED",
                     absl::StrCat("the key of the account at CA ", ca_,
                                  " has changed; the proof is put up anew"),
                     {{"sent", "no"}});
  }
  told_before = told_.Told(challenge_url, clock_.Monotonic());
  ++under_way_;
  return absl::OkStatus();
}

void AccountClient::Leave() {
  MutexLock lock(&mutex_);
  --under_way_;
  changed_.SignalAll();
}

bool AccountClient::AwaitVerdicts(absl::Duration limit) {
  const SteadyTime end = EndOf(limit);
  MutexLock lock(&mutex_);
  gate_ = Gate::kNoAnswers;
  while (told_.waiting(clock_.Monotonic()) > 0) {
    const absl::Duration left = Until(end);
    if (left <= absl::ZeroDuration()) {
      gate_ = Gate::kOpen;
      return false;
    }
    changed_.WaitFor(&mutex_, left);
  }
  return true;
}

void AccountClient::Hold() {
  MutexLock lock(&mutex_);
  gate_ = Gate::kHeld;
  while (under_way_ > 0) changed_.Wait(&mutex_);
}

void AccountClient::Shut() {
  MutexLock lock(&mutex_);
  gate_ = Gate::kShut;
  changed_.SignalAll();
  while (under_way_ > 0) changed_.Wait(&mutex_);
}

void AccountClient::Open(bool key_changed) {
  MutexLock lock(&mutex_);
  gate_ = Gate::kOpen;
  if (key_changed) ++key_;
  changed_.SignalAll();
}

// An account that the CA has forgotten is the operator's business: a new one would have none of the
// old one's authorizations, limits and rights.
absl::Status AccountClient::Explained(const absl::Status& status) const {
  if (ErrorMetadataOf(status)["acme_type"] != "accountDoesNotExist") return status;
  return WithContext(status,
                     absl::StrCat("the CA ", ca_, " does not know the account ", account_url(),
                                  " any more; none is made in its place by itself: ask the CA why, "
                                  "or register anew: norroy account create ",
                                  ca_, " --agree-tos"));
}

absl::StatusOr<acme::Account> AccountClient::CreateAccount(const acme::NewAccount& account) {
  if (const absl::Status entered = Enter(); !entered.ok()) return entered;
  absl::StatusOr<acme::Account> made = inner_->CreateAccount(account);
  Leave();
  return made;
}

absl::StatusOr<acme::Account> AccountClient::UpdateAccount(
    const std::vector<std::string>& contacts) {
  return Pass([&] { return inner_->UpdateAccount(contacts); });
}

absl::StatusOr<acme::Order> AccountClient::NewOrder(const std::vector<challenge::Name>& names,
                                                    const std::string& profile,
                                                    const std::string& replaces) {
  return Pass([&] { return inner_->NewOrder(names, profile, replaces); });
}

absl::StatusOr<acme::Order> AccountClient::GetOrder(const std::string& url) {
  absl::StatusOr<acme::Order> order = Pass([&] { return inner_->GetOrder(url); });
  if (!order.ok()) return order;
  MutexLock lock(&mutex_);
  told_.Read(*order);
  changed_.SignalAll();
  return order;
}

absl::StatusOr<acme::Order> AccountClient::Finalize(const acme::Order& order,
                                                    const std::string& csr_der) {
  return Pass([&] { return inner_->Finalize(order, csr_der); });
}

absl::StatusOr<acme::Authorization> AccountClient::GetAuthorization(const std::string& url) {
  int64_t key = 0;
  {
    // A key that is changed meanwhile makes it one of the key before: it will be read once more.
    MutexLock lock(&mutex_);
    key = key_;
  }
  absl::StatusOr<acme::Authorization> authorization =
      Pass([&] { return inner_->GetAuthorization(url); });
  if (!authorization.ok()) return authorization;
  MutexLock lock(&mutex_);
  told_.Read(*authorization, key, clock_.Monotonic());
  changed_.SignalAll();
  return authorization;
}

absl::Status AccountClient::DeactivateAuthorization(const std::string& url) {
  const absl::Status done = Pass([&] { return inner_->DeactivateAuthorization(url); });
  if (!done.ok()) return done;
  MutexLock lock(&mutex_);
  told_.Deactivated(url);
  changed_.SignalAll();
  return done;
}

absl::Status AccountClient::RespondToChallenge(const std::string& url) {
  bool told_before = false;
  if (const absl::Status entered = EnterToAnswer(url, told_before); !entered.ok()) return entered;
  const absl::Status told = inner_->RespondToChallenge(url);
  // A refusal may mean that it was told once: the CA's verdict is waited for.
  if (!told_before && ErrorMetadataOf(told)["sent"] == "no") {
    MutexLock lock(&mutex_);
    told_.NotTold(url);
  }
  Leave();
  return Explained(told);
}

absl::StatusOr<std::vector<std::string>> AccountClient::DownloadCertificate(
    const std::string& url) {
  return Pass([&] { return inner_->DownloadCertificate(url); });
}

absl::Status AccountClient::RevokeCertificate(const std::string& der,
                                              acme::RevocationReason reason) {
  return Pass([&] { return inner_->RevokeCertificate(der, reason); });
}

}  // namespace norroy::keys
