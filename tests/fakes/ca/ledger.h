#ifndef NORROY_TESTS_FAKES_CA_LEDGER_H_
#define NORROY_TESTS_FAKES_CA_LEDGER_H_

// What the fake CA knows: accounts, orders, authorizations, certificates, and the rules by which
// their states follow from each other (RFC 8555 7.1.6). No locks, no JSON.

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "tests/fakes/ca/options.h"

namespace norroy::fakes {

struct SubproblemText {
  std::string name;
  std::string type;
  std::string detail;
};

struct ProblemText {
  std::string type;  // without the URN's beginning
  std::string detail;
  std::vector<SubproblemText> subproblems = {};
};

struct AccountEntry {
  std::string url;
  std::string spki;
  std::string thumbprint;
  std::string status = "valid";
  std::vector<std::string> contacts;
  bool must_agree = false;  // the terms have changed since it agreed
};

struct AuthorizationEntry {
  std::string url;
  std::string account_url;
  std::string profile;
  challenge::Name name;
  std::string token;
  absl::Time expires;
  std::string status = "pending";
  int attempts = 0;
  std::string attempted_type;  // empty: no challenge was answered
  std::optional<absl::Status> verdict;
  int polls_left = 0;  // reads before the verdict shows
  std::optional<ProblemText> problem;
  // As it was last shown, its challenges were open: whoever answers one acts on what he knows.
  bool shown_open = false;
};

struct OrderEntry {
  std::string url;
  std::string account_url;
  std::string profile;
  std::vector<challenge::Name> names;
  std::vector<AuthorizationEntry*> authorizations;
  absl::Time expires;
  std::string settled;  // "processing", "valid", "invalid"; empty: follows from the authorizations
  int handed_out = 0;
  int finalizes = 0;
  int polls_left = 0;
  std::string shown;  // its status as it was last shown
  std::string certificate_url;
  std::vector<std::string> chains;
  std::optional<ProblemText> problem;
  std::string replaces;  // id of a certificate
  bool exempt = false;
  bool renewal = false;  // a certificate for the set was issued before
};

struct CertificateEntry {
  std::string url;
  std::string der;
  std::string account_url;
  std::vector<std::string> chains;
  std::string id;  // RFC 9773 4.1
  std::vector<challenge::Name> names;
  std::string profile;
  absl::Time not_before, not_after;
  std::optional<int> revoked;
};

// Entries stay where they are. A simulation places very many orders with one CA: whatever a request
// looks for is found by an index.
class Ledger {
 public:
  std::deque<AccountEntry> accounts;
  const std::deque<OrderEntry>& orders() const { return orders_; }
  std::deque<AuthorizationEntry>& authorizations() { return authorizations_; }
  std::deque<CertificateEntry>& certificates() { return certificates_; }

  OrderEntry* Add(OrderEntry order);
  AuthorizationEntry* Add(AuthorizationEntry authorization);
  CertificateEntry* Add(CertificateEntry certificate);

  AccountEntry* AccountByUrl(const std::string& url);
  AccountEntry* AccountByKey(const std::string& spki);
  AuthorizationEntry* AuthorizationByUrl(const std::string& url);
  OrderEntry* OrderByUrl(const std::string& url);
  CertificateEntry* CertificateByUrl(const std::string& url);
  CertificateEntry* CertificateById(const std::string& id);
  // The order that replaces this certificate, if one does: a pending one counts, too; null if none.
  const OrderEntry* ReplacementOf(const std::string& id, absl::Time now) const;
  // A certificate for just these names was issued in the last 120 days.
  bool WasIssued(const std::vector<challenge::Name>& names, absl::Time now) const;

  // Now; a pending or valid one may have expired.
  static std::string StatusOf(const AuthorizationEntry& authorization, absl::Time now);
  static std::string StatusOf(const OrderEntry& order, absl::Time now);

  // A read: brings a verdict or an issued certificate closer to being seen.
  static void Observe(AuthorizationEntry& authorization, const FakeCaOptions& options,
                      absl::Time now);
  static void Observe(OrderEntry& order, const FakeCaOptions& options, absl::Time now);

  // As Boulder does, where the options say so.
  OrderEntry* ReusableOrder(const OrderEntry& wanted, absl::Time now) const;
  AuthorizationEntry* ReusableAuthorization(const std::string& account_url,
                                            const std::string& profile, const challenge::Name& name,
                                            absl::Time now) const;

 private:
  template <typename Entry>
  using Index = absl::flat_hash_map<std::string, Entry>;

  std::deque<AuthorizationEntry> authorizations_;
  std::deque<OrderEntry> orders_;
  std::deque<CertificateEntry> certificates_;
  Index<OrderEntry*> orders_by_url_;
  Index<std::vector<OrderEntry*>> orders_by_set_;  // and account and profile
  Index<std::vector<OrderEntry*>> orders_by_replaced_;
  Index<AuthorizationEntry*> authorizations_by_url_;
  Index<std::vector<AuthorizationEntry*>> authorizations_by_name_;  // and account and profile
  Index<CertificateEntry*> certificates_by_url_;
  Index<CertificateEntry*> certificates_by_id_;
  Index<absl::Time> issued_;  // by set, when last
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_LEDGER_H_
