#ifndef NORROY_ISSUER_ACME_EXCHANGE_H_
#define NORROY_ISSUER_ACME_EXCHANGE_H_

// Requests to one CA under one account's key (RFC 8555 6): signs, keeps nonces and the directory,
// repeats on badNonce and only then, never follows a redirect. Replies of status 200 to 299 come
// back; everything else is an error as client.h says.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "common/http/client.h"
#include "common/sync/mutex.h"
#include "issuer/acme/directory.h"
#include "issuer/acme/nonce_pool.h"

namespace norroy::acme {

// One POST.
struct Call {
  std::string what;  // for errors: "newOrder"
  std::string url;
  std::string payload;  // empty: POST-as-GET (RFC 8555 6.3)
  std::string accept = "application/json";
  size_t max_body_bytes = 256 * 1024;
  // By the monotonic clock; everything that the call does ends before it.
  absl::Duration deadline;
};

// Thread-safe.
class Exchange {
 public:
  static constexpr int kNonceTries = 32;
  static constexpr int kNonceTriesAtOnce = 3;
  // With what newNonce costs, should the CA give no nonces along.
  static constexpr int kMaxRequests = 40;

  struct Parts {
    http::Client& http;
    crypto::Signer& signer;
    Clock& clock;
    crypto::Random& random;
    std::function<void(absl::Duration)> sleep;
  };
  // The parts' references outlive the exchange.
  Exchange(const Parts& parts, std::string directory_url, UrlPolicy urls)
      : parts_(parts),
        directory_url_(std::move(directory_url)),
        urls_(std::move(urls)),
        signer_(&parts.signer) {}

  const UrlPolicy& urls() const { return urls_; }
  Clock& clock() const { return parts_.clock; }
  const crypto::PublicKey& key() const { return signer_.load()->public_key(); }
  // Requests that are signed from now on are signed by it. It outlives the exchange.
  void UseKey(crypto::Signer& signer) { signer_ = &signer; }
  int64_t requests() const { return requests_; }
  absl::Duration DeadlineIn(absl::Duration budget) const {
    return parts_.clock.Monotonic() + budget;
  }

  void SetAccountUrl(const std::string& url);
  std::string account_url() const;
  absl::StatusOr<Directory> GetDirectory(absl::Duration deadline);

  // An open resource, which needs no account (RFC 9773 4.1). Once: nothing is repeated.
  absl::StatusOr<http::Response> Get(const std::string& what, const std::string& url,
                                     size_t max_body_bytes, absl::Duration deadline);

  // Signed with the account's URL. FAILED_PRECONDITION, reason NO_ACCOUNT, without one.
  absl::StatusOr<http::Response> Post(const Call& call);

  // The same to a URL of the directory, which is read again when it turns out to be old. `kid`:
  // sign with the account's URL, else with the key itself. `payload` is made for the URL.
  using Payload = std::function<absl::StatusOr<std::string>(const std::string& url)>;
  absl::StatusOr<http::Response> PostTo(std::string Directory::*resource, bool kid,
                                        const Call& call, const Payload& payload);

 private:
  struct Cached {
    Directory directory;
    absl::Duration fetched;
  };
  // What one call has used of its limits.
  struct Budget {
    absl::Duration deadline;
    int requests = 0;
  };

  absl::StatusOr<std::string> Kid() const;
  absl::StatusOr<http::Response> PostSigned(const Call& call, const std::string& kid);
  absl::StatusOr<http::Response> PostOnce(const Call& call, const std::string& kid, Nonce nonce,
                                          Budget& budget);
  absl::StatusOr<Nonce> TakeNonce(Budget& budget);
  absl::StatusOr<Nonce> FetchNonce(const std::string& url, Budget& budget);
  absl::StatusOr<http::Response> Send(http::Request request, Budget& budget);
  // Puts the nonces of a reply into the pool.
  void KeepNonces(const http::Response& reply);
  void BackOff(int tries, const Budget& budget);
  // Says so where the CA's clock and ours are far apart: one of them is wrong.
  void CompareClocks(const http::Response& reply);
  void ForgetDirectory();

  const Parts parts_;
  const std::string directory_url_;
  const UrlPolicy urls_;
  std::atomic<crypto::Signer*> signer_;
  NoncePool nonces_;
  std::atomic<int64_t> requests_ = 0;
  mutable Mutex mutex_;
  std::string account_url_ ABSL_GUARDED_BY(mutex_);
  std::optional<Cached> directory_ ABSL_GUARDED_BY(mutex_);
  absl::Duration next_clock_warning_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_EXCHANGE_H_
