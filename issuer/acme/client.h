#ifndef NORROY_ISSUER_ACME_CLIENT_H_
#define NORROY_ISSUER_ACME_CLIENT_H_

// One account's view of one CA (RFC 8555). Each call is one exchange as far as the caller can
// tell: signing, nonces and their retries are inside (a fresh nonce for every send; at most 32
// tries on badNonce, the first 3 at once). Nothing else is retried here: what may be repeated is
// the flow's decision.
//
// Errors: the CA's problem as ToStatus gives it; the transport's (http/client.h) with its "sent"
// metadata; a reply that is not what the RFC says: INTERNAL, reason CA_PROTOCOL, naming the
// resource and what was wrong.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/csr.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "common/http/client.h"
#include "issuer/acme/account.h"
#include "issuer/acme/authorization.h"
#include "issuer/acme/directory.h"
#include "issuer/acme/order.h"
#include "issuer/acme/renewal_info.h"

namespace norroy::acme {

struct ClientOptions {
  std::string directory_url;
  std::vector<std::string> extra_hosts;
  // Instead of what the directory says; empty: what it says.
  std::vector<std::string> caa_identities;
  // Between tries with a new nonce; empty: really sleeps.
  std::function<void(absl::Duration)> sleep;
};

// Longest time of one call by the monotonic clock, retries included.
inline constexpr absl::Duration kCallBudget = absl::Seconds(60);

// Why a certificate is revoked (RFC 5280 5.3.1): the CRLReason number.
using RevocationReason = int;

// Thread-safe; calls block their thread.
class Client {
 public:
  // The references outlive the client.
  static absl::StatusOr<std::unique_ptr<Client>> Make(const ClientOptions& options,
                                                      http::Client& http, crypto::Signer& signer,
                                                      Clock& clock, crypto::Random& random);
  virtual ~Client() = default;

  // The directory, fetched when first needed and again every 6 h (and after a 404 or 405 from one
  // of its URLs).
  virtual absl::StatusOr<Directory> GetDirectory() = 0;

  // RFC 8555 7.3. An existing account of this key is returned as it is.
  virtual absl::StatusOr<Account> CreateAccount(const NewAccount& account) = 0;
  // The account's URL for every later call ("kid"). Without it they are FAILED_PRECONDITION,
  // reason NO_ACCOUNT.
  virtual void SetAccountUrl(const std::string& url) = 0;
  // Empty: none was set.
  virtual std::string account_url() const = 0;

  // RFC 8555 7.3.2: these contacts replace those that the CA has.
  virtual absl::StatusOr<Account> UpdateAccount(const std::vector<std::string>& contacts) = 0;
  // RFC 8555 7.3.5: `next` becomes the account's key, by which the client signs from then on; it
  // outlives the client. After an error that does not say sent=no, and is not the CA's refusal,
  // nobody but the CA knows which key the account has: CreateAccount with only_return_existing
  // tells. A key that another account has: the CA's problem with the metadata "location", that
  // account's URL. No other call may be under way.
  virtual absl::Status ChangeKey(crypto::Signer& next) = 0;
  // Signs by `signer` from now on, without a word to the CA: for a change whose answer was lost.
  virtual void UseKey(crypto::Signer& signer) = 0;

  // RFC 8555 7.4. The identifiers of the reply must be the names asked for. `profile` may be
  // empty; `replaces` too: the RenewalId of the certificate that the order renews (RFC 9773 5).
  virtual absl::StatusOr<Order> NewOrder(const std::vector<challenge::Name>& names,
                                         const std::string& profile,
                                         const std::string& replaces = "") = 0;
  virtual absl::StatusOr<Order> GetOrder(const std::string& url) = 0;
  // RFC 8555 7.4: POST of the CSR; the order's new state.
  virtual absl::StatusOr<Order> Finalize(const Order& order, const std::string& csr_der) = 0;

  virtual absl::StatusOr<Authorization> GetAuthorization(const std::string& url) = 0;
  // RFC 8555 7.5.2.
  virtual absl::Status DeactivateAuthorization(const std::string& url) = 0;
  // RFC 8555 7.5.1: tells the CA to look. Idempotent only while the challenge is pending.
  virtual absl::Status RespondToChallenge(const std::string& url) = 0;

  // RFC 8555 7.4.2: the default chain, then the alternates (at most 8), as PEM.
  virtual absl::StatusOr<std::vector<std::string>> DownloadCertificate(const std::string& url) = 0;
  // RFC 8555 7.6. alreadyRevoked is OK.
  virtual absl::Status RevokeCertificate(const std::string& der, RevocationReason reason) = 0;

  // RFC 9773 4.1: when the CA suggests that the certificate of this RenewalId be renewed. Ends
  // within kRenewalInfoBudget. FAILED_PRECONDITION, reason CA_LACKS, if its directory has no
  // renewalInfo.
  virtual absl::StatusOr<RenewalInfo> GetRenewalInfo(const std::string& renewal_id) = 0;

  // What key authorizations of this account end in (RFC 8555 8.1).
  virtual std::string Thumbprint() const = 0;
  // Requests sent so far, retries included.
  virtual int64_t requests() const = 0;
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_CLIENT_H_
