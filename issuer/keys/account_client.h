#ifndef NORROY_ISSUER_KEYS_ACCOUNT_CLIENT_H_
#define NORROY_ISSUER_KEYS_ACCOUNT_CLIENT_H_

// An account's client as the rest of the issuer has it: the same client before, during and after a
// change of the account's key (RFC 8555 7.3.5). No request is ever under way while the key changes,
// none is signed by a key that is not the account's any more, and no challenge is answered with a
// proof that rests on such a key:
//
//   AwaitVerdicts   challenges are not answered any more; those that were get their verdicts
//   Hold            requests wait; those under way end
//   (the key is changed, through inner())
//   Open            goes on
//
// What is kept from the CA is UNAVAILABLE, reason ACCOUNT_KEY_CHANGING, with sent=no: worth
// repeating, nothing was sent. An answer that rests on the key before is refused in the same way,
// reason ACCOUNT_KEY_CHANGED: whoever reads the authorization anew and proves it by the new key may
// answer.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "issuer/acme/client.h"
#include "issuer/keys/told_challenges.h"

namespace norroy::keys {

// Thread-safe. The methods of the key's change are for one thread at a time.
class AccountClient final : public acme::Client {
 public:
  // How long a request waits for a change to end.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // `ca` is for errors. The clock outlives the client.
  AccountClient(std::unique_ptr<acme::Client> inner, std::string ca, Clock& clock)
      : inner_(std::move(inner)), ca_(std::move(ca)), clock_(clock) {}

  // What sends without asking anybody.
  acme::Client& inner() { return *inner_; }

  // False: verdicts are missing after `limit`; the client is open again.
  bool AwaitVerdicts(absl::Duration limit);
  void Hold();
  // Requests are refused, not kept waiting: nobody knows for how long.
  void Shut();
  // `key_changed`: what was put up until now rests on the key before.
  void Open(bool key_changed);

  absl::StatusOr<acme::Directory> GetDirectory() override { return inner_->GetDirectory(); }
  absl::StatusOr<acme::Account> CreateAccount(const acme::NewAccount& account) override;
  void SetAccountUrl(const std::string& url) override { inner_->SetAccountUrl(url); }
  std::string account_url() const override { return inner_->account_url(); }
  absl::StatusOr<acme::Account> UpdateAccount(const std::vector<std::string>& contacts) override;
  absl::Status ChangeKey(crypto::Signer& next) override { return inner_->ChangeKey(next); }
  void UseKey(crypto::Signer& signer) override { inner_->UseKey(signer); }
  absl::StatusOr<acme::Order> NewOrder(const std::vector<challenge::Name>& names,
                                       const std::string& profile,
                                       const std::string& replaces) override;
  absl::StatusOr<acme::Order> GetOrder(const std::string& url) override;
  absl::StatusOr<acme::Order> Finalize(const acme::Order& order,
                                       const std::string& csr_der) override;
  absl::StatusOr<acme::Authorization> GetAuthorization(const std::string& url) override;
  absl::Status DeactivateAuthorization(const std::string& url) override;
  absl::Status RespondToChallenge(const std::string& url) override;
  absl::StatusOr<std::vector<std::string>> DownloadCertificate(const std::string& url) override;
  absl::Status RevokeCertificate(const std::string& der, acme::RevocationReason reason) override;
  // An open resource, which no key is needed for.
  absl::StatusOr<acme::RenewalInfo> GetRenewalInfo(const std::string& renewal_id) override {
    return inner_->GetRenewalInfo(renewal_id);
  }
  std::string Thumbprint() const override { return inner_->Thumbprint(); }
  int64_t requests() const override { return inner_->requests(); }

 private:
  enum class Gate { kOpen, kNoAnswers, kHeld, kShut };

  absl::Status Enter();
  // `told_before`: the CA may be looking at it already.
  absl::Status EnterToAnswer(const std::string& challenge_url, bool& told_before);
  void Leave();
  absl::Status Changing() const;
  // What the CA's refusals ask of the operator.
  absl::Status Explained(const absl::Status& status) const;
  // Lets one request through.
  template <typename Request>
  auto Pass(const Request& request) -> decltype(request()) {
    if (const absl::Status entered = Enter(); !entered.ok()) return entered;
    auto result = request();
    Leave();
    if (!result.ok()) return Explained(StatusOf(result));
    return result;
  }
  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  const std::unique_ptr<acme::Client> inner_;
  const std::string ca_;
  Clock& clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  Gate gate_ ABSL_GUARDED_BY(mutex_) = Gate::kOpen;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the account's keys in this process.
  int64_t key_ ABSL_GUARDED_BY(mutex_) = 0;
  ToldChallenges told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNT_CLIENT_H_
