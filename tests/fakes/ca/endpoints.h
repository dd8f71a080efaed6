#ifndef NORROY_TESTS_FAKES_CA_ENDPOINTS_H_
#define NORROY_TESTS_FAKES_CA_ENDPOINTS_H_

// What each resource of the fake CA answers (RFC 8555 7). A request that comes here has a good
// signature and a good nonce. Not thread-safe.

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/http/client.h"
#include "tests/fakes/ca/authority.h"
#include "tests/fakes/ca/fake_ca.h"
#include "tests/fakes/ca/ledger.h"
#include "tests/fakes/ca/limits.h"
#include "tests/fakes/ca/problem_reply.h"
#include "tests/fakes/ca/signed_request.h"

namespace norroy::fakes {

// The look at a challenge that a request brought about.
struct Due {
  AuthorizationEntry* authorization = nullptr;
  Attempt attempt;
};

class Endpoints {
 public:
  explicit Endpoints(const FakeCaOptions& options);

  FakeCaOptions options;
  Ledger ledger;
  CertificateFault certificate_fault = CertificateFault::kNone;
  std::set<std::string> paused;                          // names
  std::map<std::string, RenewalWindow> renewal_windows;  // by certificate id
  std::vector<std::string> violations;

  std::string base_url() const { return "https://" + options.host; }
  std::string directory_url() const { return base_url() + "/directory"; }
  // kOther for a URL that does not exist (any more).
  Endpoint KindOf(const std::string& url) const;
  void Move() { ++generation_; }
  std::string root_pem() const { return authority_.root_pem(); }
  // Deterministic base64url text, never the same twice.
  std::string NextToken();
  // 0 to 99.
  int Roll() { return static_cast<int>(random_() % 100); }

  http::Response Directory() const;
  // RFC 9773 4.3: GET, without an account.
  http::Response RenewalInfo(const std::string& url, absl::Time now);
  // The CA has looked at a challenge.
  void NoteVerdict(AuthorizationEntry& authorization, const absl::Status& verdict, absl::Time now);
  // `due` is set where the CA has to look at a challenge now.
  http::Response Handle(Endpoint kind, const SignedRequest& request, absl::Time now, Due& due);

 private:
  std::string ResourceUrl(const std::string& name) const;
  http::Response MustAgree() const;
  http::Response NewAccount(const SignedRequest& request);
  http::Response Account(AccountEntry& account, const SignedRequest& request);
  http::Response KeyChange(AccountEntry& account, const SignedRequest& request);
  http::Response NewOrder(AccountEntry& account, const SignedRequest& request, absl::Time now);
  http::Response Order(AccountEntry& account, const SignedRequest& request, absl::Time now);
  http::Response Finalize(AccountEntry& account, const SignedRequest& request, absl::Time now);
  http::Response Authorization(AccountEntry& account, const SignedRequest& request, absl::Time now);
  http::Response Challenge(AccountEntry& account, const SignedRequest& request, absl::Time now,
                           Due& due);
  http::Response Certificate(AccountEntry& account, const SignedRequest& request);
  http::Response Revoke(AccountEntry& account, const SignedRequest& request);

  http::Response ShowOrder(OrderEntry& order, int status, absl::Time now);
  http::Response ShowAuthorization(AuthorizationEntry& authorization, absl::Time now);
  AuthorizationEntry* NewAuthorization(const AccountEntry& account, const std::string& profile,
                                       const challenge::Name& name, absl::Time now);
  // What stands against a new order, in Boulder's sequence; unset: nothing. Marks what is exempt.
  std::optional<http::Response> RefuseOrder(OrderEntry& order, absl::Time now);
  // RFC 9773 5.
  std::optional<http::Response> RefuseReplacement(OrderEntry& order, absl::Time now);
  RenewalWindow WindowOf(const CertificateEntry& certificate, absl::Time now) const;
  void Issue(OrderEntry& order, const std::string& spki, absl::Time now);
  // Notes reads that come before the Retry-After of the last one, and sets the header anew.
  void Pace(const std::string& url, bool waiting, absl::Time now, http::Response& reply);

  Authority authority_;
  std::minstd_rand random_;
  int generation_ = 1;
  int tokens_ = 0;
  std::map<std::string, absl::Time> not_before_;
  Limits limits_;
  std::map<std::string, int> failures_in_a_row_;  // by account and name
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_ENDPOINTS_H_
