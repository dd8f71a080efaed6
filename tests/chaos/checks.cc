#include "tests/chaos/checks.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/challenge/identifier.h"
#include "common/crypto/chain.h"

namespace norroy::chaos {
namespace {

using harness::CaRecord;
using issuer::v1::Order;
using issuer::v1::OrderState;

constexpr absl::Duration kCalm = absl::Seconds(150);
constexpr absl::Duration kAfterLease = absl::Seconds(5);

bool IsFinal(OrderState state) {
  return state == issuer::v1::ORDER_STATE_VALID || state == issuer::v1::ORDER_STATE_INVALID ||
         state == issuer::v1::ORDER_STATE_CANCELLED;
}

std::string Describe(const Order& order) {
  return absl::StrCat("order ", order.id(), " for ", order.names(0).name(), " is ",
                      issuer::v1::OrderState_Name(order.state()), " (", order.step(),
                      "), waits for \"", order.waiting_for(), "\": ", order.error().message());
}

void CheckEnds(World& world, const std::vector<Placed>& placed, OrderState expected,
               Result& result) {
  const std::map<std::string, Order> orders = world.caller().Orders();
  std::map<std::string, int> per_name;
  for (const auto& [id, order] : orders) ++per_name[order.names(0).name()];
  for (const Placed& one : placed) {
    const auto found = orders.find(one.id);
    if (found == orders.end()) {
      ++result.lost;
      result.findings.push_back(absl::StrCat(one.name, ": there is no order \"", one.id, "\""));
    } else if (found->second.state() != expected) {
      ++result.lost;
      result.findings.push_back(Describe(found->second));
    }
    if (per_name[one.name] > 1) {
      result.findings.push_back(
          absl::StrCat(one.name, ": one request id made ", per_name[one.name], " orders"));
    }
  }
}

void CheckCaOrders(const CaRecord& record, const Row& row, const std::vector<Placed>& placed,
                   int kills, Result& result) {
  std::set<std::string> ours;
  for (const Placed& one : placed) ours.insert(one.name);
  std::map<std::string, int> finalizes;
  int ca_orders = 0;
  for (const harness::CaOrder& order : record.orders) {
    if (!ours.contains(order.names.at(0))) continue;
    ++ca_orders;
    finalizes[order.names.at(0)] += order.finalizes;
  }
  for (const auto& [name, times] : finalizes) {
    if (times <= 1) continue;
    ++result.double_finalizes;
    result.findings.push_back(absl::StrCat(name, " was finalized ", times, " times"));
  }
  const int most = static_cast<int>(placed.size()) + row.ca_orders * kills;
  if (ca_orders > most) {
    result.findings.push_back(absl::StrCat(ca_orders, " orders at the CA, at most ", most,
                                           " may be: ", placed.size(), " and ", kills, " kills"));
  }
  int failed = 0;
  for (const harness::CaAuthorization& authorization : record.authorizations) {
    failed += ours.contains(authorization.name) && authorization.status == "invalid";
  }
  if (failed > row.failed_validations * kills) {
    result.findings.push_back(absl::StrCat(failed, " validations failed at the CA, at most ",
                                           row.failed_validations * kills, " may"));
  }
}

// C14, C15: what is sent again is what was sent.
void CheckCsrs(const harness::CaServer& ca, Result& result) {
  std::map<std::string, std::set<std::string>> csrs;
  for (const harness::CaRequest& request : ca.Requests()) {
    if (request.endpoint == "finalize" && request.problem != "badNonce") {
      csrs[request.url].insert(request.csr_sha256);
    }
  }
  for (const auto& [url, different] : csrs) {
    if (different.size() > 1) result.findings.push_back(url + " got two different CSRs");
  }
}

absl::Status CheckCertificate(World& world, const Placed& placed, const Order& order,
                              const std::set<std::string>& issued) {
  const auto first = world.caller().Certificate(order.certificate_id());
  const auto again = world.caller().Certificate(order.certificate_id());
  if (!first.ok()) return first.status();
  if (!again.ok()) return again.status();
  if (first->chains_pem_size() == 0 || first->chains_pem(0) != again->chains_pem(0)) {
    return absl::DataLossError("the certificate is not the same when it is asked for again");
  }
  const auto chain = crypto::CertificateChain::ParsePem(first->chains_pem(0));
  if (!chain.ok()) return chain.status();
  if (!issued.contains(chain->leaf().der())) {
    return absl::DataLossError("the CA issued no such certificate");
  }
  return crypto::CheckIssued(*chain, placed.key.public_key(), *challenge::ParseNames({placed.name}),
                             absl::Now());
}

void CheckCertificates(World& world, const CaRecord& record, const std::vector<Placed>& placed,
                       Result& result) {
  std::set<std::string> issued;
  for (const harness::CaOrder& order : record.orders) {
    const auto chain = crypto::CertificateChain::ParsePem(order.certificate_pem);
    if (chain.ok()) issued.insert(chain->leaf().der());
  }
  const std::map<std::string, Order> orders = world.caller().Orders();
  for (const Placed& one : placed) {
    const auto found = orders.find(one.id);
    if (found == orders.end() || found->second.state() != issuer::v1::ORDER_STATE_VALID) continue;
    const absl::Status checked = CheckCertificate(world, one, found->second, issued);
    if (!checked.ok()) result.findings.push_back(absl::StrCat(one.name, ": ", checked.message()));
  }
}

}  // namespace

bool WaitForEnds(World& world, const std::vector<Placed>& placed) {
  return harness::Eventually(
      [&] {
        const std::map<std::string, Order> orders = world.caller().Orders();
        return std::all_of(placed.begin(), placed.end(), [&](const Placed& one) {
          const auto found = orders.find(one.id);
          return found != orders.end() && IsFinal(found->second.state());
        });
      },
      kCalm);
}

void CheckCalm(World& world, Result& result) {
  int left = 0;
  harness::Eventually(
      [&] {
        left = world.ProofsLeft();
        return left == 0;
      },
      kLease + kAfterLease);
  result.proofs_left += left;
  if (left > 0) result.findings.push_back(absl::StrCat(left, " proofs are left"));
  for (const std::string& violation : world.ca().Record().violations) {
    result.findings.push_back("the CA found: " + violation);
  }
  for (const Part part : {Part::kIssuer, Part::kValidator, Part::kAgent}) {
    if (!world.process(part).running()) result.findings.push_back("a process has died by itself");
  }
}

void Check(World& world, const Row& row, const std::vector<Placed>& placed, int kills,
           OrderState expected, Result& result) {
  result.kills += kills;
  result.orders += static_cast<int>(placed.size());
  WaitForEnds(world, placed);
  CheckEnds(world, placed, expected, result);
  CheckCalm(world, result);
  const CaRecord record = world.ca().Record();
  CheckCaOrders(record, row, placed, kills, result);
  CheckCsrs(world.ca(), result);
  CheckCertificates(world, record, placed, result);
}

}  // namespace norroy::chaos
