#ifndef NORROY_TESTS_FAKES_CA_FAKE_CA_H_
#define NORROY_TESTS_FAKES_CA_FAKE_CA_H_

// An ACME CA (RFC 8555) inside the test: an http::Client that answers by itself, without sockets,
// threads or real time. Strict where clients go wrong (every JWS is verified, a nonce works once,
// no finalize before "ready", no asking before Retry-After), and it misbehaves on request.
//
//   FakeCa ca({.clock = &clock});
//   ca.SetValidator([&](const Attempt& a) { return agent.Serves(a) ? OkStatus() : ...; });
//   auto client = acme::Client::Make({.directory_url = ca.directory_url()}, ca, signer, clock,
//   rnd); ca.Script(Endpoint::kFinalize, Fault::LostReply());
//   ... EXPECT_EQ(ca.orders()[0].finalizes, 1); EXPECT_THAT(ca.violations(), IsEmpty());
//
// Deterministic by its seed and the clock. Thread-safe; hooks are called without locks held.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"

namespace norroy::fakes {

enum class Endpoint {
  kDirectory,
  kNewNonce,
  kNewAccount,
  kAccount,
  kNewOrder,
  kOrder,
  kAuthorization,  // reading and deactivating
  kChallenge,
  kFinalize,
  kCertificate,
  kRevoke,
  kKeyChange,
  kOther,
};

// What goes wrong with one request.
struct Fault {
  enum class Kind {
    kReply,        // `response` instead of the CA's own
    kBadNonce,     // RFC 8555 6.5, with a fresh nonce
    kNotSent,      // transport error "sent" = "no": the CA never saw it
    kLostRequest,  // transport error "sent" = "maybe": the CA never saw it
    kLostReply,    // transport error "sent" = "maybe": the CA did what was asked
  };
  Kind kind = Kind::kReply;
  http::Response response;
  bool act_first = false;   // kReply: do what was asked, then answer `response`
  bool omit_nonce = false;  // kReply, kBadNonce: no Replay-Nonce header

  static Fault BadNonce();
  static Fault BadNonceWithoutNonce();
  static Fault NotSent();
  static Fault LostRequest();
  static Fault LostReply();
  // A problem document of "urn:ietf:params:acme:error:<type>"; `retry_after` as the header says it,
  // "" for none.
  static Fault Problem(int status, const std::string& type, const std::string& detail,
                       const std::string& retry_after = "");
  static Fault Reply(int status, const std::string& content_type, const std::string& body);
};

// How an issued certificate differs from what was asked.
enum class CertificateFault {
  kNone,
  kWrongKey,
  kExtraName,
  kMissingName,
  kOtherName,
  kExpired,
  kNotYetValid,  // begins in 3 days
  kIsCa,
  kNoServerAuth,  // clientAuth only
  kNoIntermediate,
  kBrokenLink,  // the intermediate is not the issuer
};

// The CA looks at a challenge.
struct Attempt {
  std::string type;  // "http-01"
  std::string name;  // the identifier, without "*."
  std::string token;
  std::string key_authorization;  // what the account's key makes of the token
};

// May be changed between requests through FakeCa::Change.
struct FakeCaOptions {
  Clock* clock = nullptr;
  uint64_t seed = 1;
  std::string host = "ca.test";
  // As Boulder does: newOrder for the same account, profile and names hands out the pending or
  // ready order that there is.
  bool reuse_orders = true;
  bool reuse_authorizations = true;  // valid ones; pending ones too, as Boulder does
  int nonce_rejection_percent = 0;
  int finalize_polls = 0;    // reads that say "processing" after a finalize
  int validation_polls = 0;  // reads that say "pending" after a challenge's POST
  // Seconds in Retry-After of replies that say pending or processing; 0: no header.
  int retry_after_seconds = 0;
  std::vector<std::string> challenge_types = {"http-01", "dns-01", "tls-alpn-01"};
  std::map<std::string, std::string> profiles;  // name -> description
  std::string terms_of_service;                 // newAccount must agree if set
  std::map<std::string, std::string> eab_keys;  // kid -> raw HMAC key; newAccount must bind if set
  int alternate_chains = 0;
  absl::Duration order_lifetime = absl::Hours(24 * 7);
  absl::Duration pending_authorization_lifetime = absl::Hours(24 * 7);
  absl::Duration valid_authorization_lifetime = absl::Hours(24 * 30);
  absl::Duration certificate_lifetime = absl::Hours(24 * 90);
};

struct RequestRecord {
  Endpoint endpoint;
  std::string method;
  std::string url;
  std::string payload;  // of the JWS, decoded; "" for POST-as-GET
  int status = 0;       // of the reply; 0: a transport error
  std::string problem;  // "badNonce" where the reply was a problem
  absl::Time time;
};

struct OrderRecord {
  std::string url;
  std::string status;  // "pending", "ready", "processing", "valid", "invalid"
  std::string account_url;
  std::string profile;
  std::vector<std::string> names;  // "*.example.com" as such; sorted
  std::vector<std::string> authorizations;
  int handed_out = 0;           // by how many newOrder requests
  int finalizes = 0;            // accepted ones
  std::string certificate_pem;  // the default chain
};

struct AuthorizationRecord {
  std::string url;
  std::string name;  // "*.example.com" as such
  std::string status;
  std::string token;
  int attempts = 0;  // how often the CA looked
};

class FakeCa final : public http::Client {
 public:
  explicit FakeCa(const FakeCaOptions& options);
  ~FakeCa() override;

  absl::StatusOr<http::Response> Send(const http::Request& request) override;

  std::string directory_url() const;
  std::string root_pem() const;
  // Changes options under the lock.
  void Change(const std::function<void(FakeCaOptions&)>& change);

  // Whether a challenge is served; the status' message becomes the problem's detail. Without one
  // every challenge fails.
  using Validator = std::function<absl::Status(const Attempt& attempt)>;
  void SetValidator(Validator validator);
  // HTTP-01 as a CA does it: GET http://<host><path>, body compared with the key authorization.
  using Fetch =
      std::function<absl::StatusOr<std::string>(const std::string& host, const std::string& path)>;
  void SetFetch(Fetch fetch);

  // The next `times` requests to this kind of endpoint; several calls queue up.
  void Script(Endpoint endpoint, const Fault& fault, int times = 1);
  // Every reply passes through here before it goes out; may change anything in it.
  using Tamper =
      std::function<void(Endpoint endpoint, const http::Request& request, http::Response& reply)>;
  void SetTamper(Tamper tamper);
  void SetCertificateFault(CertificateFault fault);
  // Called with the PEM of each chain that is downloaded; returns what is sent.
  void SetChainFilter(std::function<std::string(const std::string& pem)> filter);

  // Things that happen at a CA.
  void InvalidateOrder(const std::string& url, const std::string& problem_type,
                       const std::string& detail);
  // Of every authorization of the name ("*.example.com" as such): "expired", "revoked", ...
  void SetAuthorizationStatus(const std::string& name, const std::string& status);
  void SetAccountStatus(const std::string& url, const std::string& status);
  void ForgetAccounts();  // accountDoesNotExist from now on
  // The resources that the directory names get new URLs, 404 under the old ones.
  void MoveEndpoints();

  // Histories.
  std::vector<RequestRecord> requests() const;
  int count(Endpoint endpoint) const;
  std::vector<OrderRecord> orders() const;
  std::vector<AuthorizationRecord> authorizations() const;
  std::vector<std::string> account_urls() const;
  // RFC 7638, of the account's present key; "" for an unknown URL.
  std::string account_thumbprint(const std::string& url) const;
  int certificates_issued() const;
  std::vector<int> revocations() const;  // reasons
  // What clients did that RFC 8555 forbids, in words: a nonce sent twice, a challenge answered that
  // is not pending, a finalize before "ready", an answer asked for before its Retry-After.
  std::vector<std::string> violations() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_FAKE_CA_H_
