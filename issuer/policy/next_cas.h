#ifndef NORROY_ISSUER_POLICY_NEXT_CAS_H_
#define NORROY_ISSUER_POLICY_NEXT_CAS_H_

// To which other CAs an order may go.

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/key.h"
#include "issuer/flow/order.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"

namespace norroy::policy {

// Of `cas` those with an account at which the grants let the order's creator order its names, and
// `finalizer`, unless empty, have a certificate for a key of this type; not those whose grants want
// every name proved anew where the order's do not. In their order.
std::vector<std::string> GrantedCas(const std::vector<std::string>& cas, const flow::Order& order,
                                    const std::string& finalizer,
                                    std::optional<crypto::KeyType> key_type, const Policy& policy,
                                    keys::Accounts& accounts);

// Those of the CAs after order.ca. None for an order that named its CA, or a profile, which is one
// CA's word.
std::vector<std::string> NextCas(const flow::Order& order, const std::string& finalizer,
                                 std::optional<crypto::KeyType> key_type, const Policy& policy,
                                 keys::Accounts& accounts);

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_NEXT_CAS_H_
