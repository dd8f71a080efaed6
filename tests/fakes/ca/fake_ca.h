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
#include "tests/fakes/ca/fault.h"
#include "tests/fakes/ca/options.h"
#include "tests/fakes/ca/records.h"

namespace norroy::fakes {

// The CA looks at a challenge.
struct Attempt {
  std::string type;  // "http-01"
  std::string name;  // the identifier, without "*."
  std::string token;
  std::string key_authorization;  // what the account's key makes of the token
};

// What renewalInfo suggests (RFC 9773 4.2).
struct RenewalWindow {
  absl::Time start, end;
  std::string explanation_url;  // "": none
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
  // Looks run where this puts them, and replies to challenges do not wait for them (as at any real
  // CA). Without it a look is over before its challenge's POST is answered.
  void SetLooks(std::function<void(std::function<void()> look)> executor);

  // The next `times` requests to this kind of endpoint; several calls queue up.
  void Script(Endpoint endpoint, const Fault& fault, int times = 1);
  // Some of the requests from now on; of several scripts the last counts, the queue before all.
  void ScriptAt(Endpoint endpoint, const Calls& calls, const Fault& fault);
  void ClearScript(Endpoint endpoint);
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
  // RFC 8555 7.3.3: userActionRequired for every account until it agrees to these terms.
  void ChangeTerms(const std::string& url);
  // As Boulder does with a name that failed very often: newOrder for it is refused, before all
  // else, with the address where a human may lift that. Unpause: he did.
  void PauseIdentifier(const std::string& name);
  void Unpause(const std::string& name);
  // RFC 9773 4.2: of this certificate ("": of all that have none of their own). Without, a window
  // of 2 % of the lifetime around two thirds of it (half, under 10 days); of a revoked one a window
  // that is over.
  void SetRenewalWindow(const std::string& certificate_id, const RenewalWindow& window);

  // Told of each request once its reply stands, before that goes out. In no order where requests
  // come at once.
  void SetObserver(std::function<void(const RequestRecord& record)> observer);

  // Histories.
  std::vector<RequestRecord> requests() const;
  int count(Endpoint endpoint) const;
  std::vector<OrderRecord> orders() const;
  std::vector<AuthorizationRecord> authorizations() const;
  std::vector<CertificateRecord> certificates() const;
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
