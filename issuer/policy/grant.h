#ifndef NORROY_ISSUER_POLICY_GRANT_H_
#define NORROY_ISSUER_POLICY_GRANT_H_

// One issuance grant: as it is written in a file or a request, and what it becomes once checked.
// Values, no I/O.

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/pattern.h"
#include "common/crypto/key.h"

namespace norroy::policy {

inline constexpr int kMaxQuota = 1'000'000;
inline constexpr size_t kMaxProfileBytes = 64;

// What a principal may spend in 24 h; the store counts it in the transaction that creates the
// order.
struct Quota {
  int orders_per_day = 300;
  int orders_per_domain_per_day = 50;

  bool operator==(const Quota&) const = default;
};

// As written: nothing is checked; empty lists and 0 stand for what is said at IssuanceGrant in
// protos/norroy/issuer/v1/policy_service.proto.
struct GrantText {
  std::string principal;
  std::vector<std::string> names;
  std::vector<std::string> key_types;
  std::vector<std::string> cas;
  std::vector<std::string> profiles;
  int orders_per_day = 0;
  int orders_per_domain_per_day = 0;
  bool reuse_never = false;

  auto operator<=>(const GrantText&) const = default;
};

// Checked. An empty set stands for everything.
struct Grant {
  std::string principal;
  std::vector<challenge::Pattern> names;
  std::set<crypto::KeyType> key_types;
  std::set<std::string> cas;
  std::set<std::string> profiles;
  Quota quota;
  bool reuse_never = false;
};

// INVALID_ARGUMENT, reason BAD_GRANT; message and metadata "field" name the place, below `where`
// ("grants[3]").
absl::StatusOr<Grant> ParseGrant(const GrantText& text, absl::string_view where);
// Of a list that is called `list` ("grants").
absl::StatusOr<std::vector<Grant>> ParseGrants(const std::vector<GrantText>& texts,
                                               absl::string_view list);

// Each CA that the grants name is one of `known`: a name that was mistyped grants nothing, which
// nobody would see. For grants that are being written; those that were stored before a CA was taken
// from the configuration stay as they are. BAD_GRANT.
absl::Status CheckCas(const std::vector<GrantText>& texts, const std::vector<std::string>& known,
                      absl::string_view list);

// The form that grants which say the same have alike: patterns and names in their normal form,
// lists sorted and without repeats. `grant` is what `text` was parsed to.
GrantText NormalForm(const GrantText& text, const Grant& grant);

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_GRANT_H_
