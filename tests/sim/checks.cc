// The invariants that are looked at when all is calm (docs/simulation.md).

#include <algorithm>
#include <initializer_list>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/crypto/chain.h"
#include "tests/sim/key_ring.h"
#include "tests/sim/world.h"

namespace norroy::sim {
namespace {

using flow::State;

std::string KeyOf(int key) {
  return KeyRing::Get().csr_keys[static_cast<size_t>(key)].public_key().spki_sha256();
}

std::string SetOf(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, ",");
}

std::string SetOf(const std::vector<challenge::Name>& names) {
  std::vector<std::string> texts;
  for (const challenge::Name& name : names) texts.push_back(name.text());
  return SetOf(std::move(texts));
}

const flow::Order* OrderOf(const std::vector<flow::Order>& orders, const Client& client) {
  const auto found = std::find_if(orders.begin(), orders.end(), [&](const flow::Order& order) {
    return order.request_id == client.plan().request_id;
  });
  return found == orders.end() ? nullptr : &*found;
}

// I1: what was accepted is there, once.
void CheckAccepted(World& world, const std::vector<flow::Order>& orders) {
  std::set<std::string> requests;
  for (const flow::Order& order : orders) {
    if (!requests.insert(order.request_id).second) {
      world.sim().Violate("I1", "two orders for request " + order.request_id);
    }
  }
  for (const auto& client : world.clients()) {
    if (client->order_id().empty()) continue;
    const flow::Order* const order = OrderOf(orders, *client);
    if (order == nullptr || order->id != client->order_id()) {
      world.sim().Violate("I1", "the order for request " + client->plan().request_id + " is lost");
    }
  }
}

// I2: certificates by the keys that they are for, orders at the CA by their names.
void CheckSpending(World& world, const std::vector<flow::Order>& orders) {
  std::map<std::string, int> certificates;
  std::map<std::string, int> ca_orders;
  for (const fakes::OrderRecord& record : world.ca().orders()) {
    ++ca_orders[SetOf(record.names)];
    if (record.finalizes > 1) world.sim().Violate("I2", record.url + " was finalized twice");
    if (record.certificate_pem.empty()) continue;
    const auto chain = Need(crypto::CertificateChain::ParsePem(record.certificate_pem));
    ++certificates[chain.leaf().spki_sha256()];
  }
  std::map<std::string, int> allowed;
  std::map<std::string, int> allowed_orders;
  for (const auto& client : world.clients()) {
    allowed[KeyOf(client->plan().key)] += 1 + client->retries();
    const flow::Order* const order = OrderOf(orders, *client);
    int& set = allowed_orders[SetOf(client->plan().names)];
    // What was done under one of the faults may have to be done again; so may what a READY order
    // had, when another order for the same names has used it up or its authorizations have lapsed.
    set += 2 + client->retries() + world.sim().faults.struck();
    if (world.authorizations_lapse()) set += 2;
    if (order != nullptr) set += order->restarts;
  }
  for (const auto& [key, count] : certificates) {
    if (count <= allowed[key]) continue;
    world.sim().Violate("I2", absl::StrCat(count, " certificates for one key, at most ",
                                           allowed[key], " were ordered"));
  }
  for (const auto& [set, count] : ca_orders) {
    if (count <= allowed_orders[set]) continue;
    world.sim().Violate("I2", absl::StrCat(count, " orders at the CA for ", set, ", at most ",
                                           allowed_orders[set], " can be explained"));
  }
}

void CheckCertificate(World& world, const Client& client, const flow::Order& order) {
  Sim& sim = world.sim();
  const std::string name = sim.NameOf(order.id);
  const auto certificate = world.store().GetCertificate(order.certificate_id);
  if (!certificate.ok() || certificate->chains_pem.empty()) {
    sim.Violate("I3", name + " is VALID and has no certificate");
    return;
  }
  const std::string& pem = certificate->chains_pem.front();
  if (!client.certificate_pem().empty() && client.certificate_pem() != pem) {
    sim.Violate("I3", name + "'s certificate is not the one that its caller was given");
  }
  const auto chain = Need(crypto::CertificateChain::ParsePem(pem));
  if (chain.leaf().spki_sha256() != KeyOf(client.plan().key)) {
    sim.Violate("I3", name + "'s certificate is for another key");
  }
  if (SetOf(chain.leaf().names()) != SetOf(client.plan().names)) {
    sim.Violate("I3", absl::StrCat(name, "'s certificate is for ", SetOf(chain.leaf().names())));
  }
  const auto records = world.ca().orders();
  const bool issued = std::any_of(records.begin(), records.end(), [&](const auto& record) {
    return record.certificate_pem == pem;
  });
  if (!issued) sim.Violate("I3", name + "'s certificate is not the CA's");
}

// I3.
void CheckCertificates(World& world, const std::vector<flow::Order>& orders) {
  for (const auto& client : world.clients()) {
    const flow::Order* const order = OrderOf(orders, *client);
    if (order != nullptr && order->state == State::kDone) CheckCertificate(world, *client, *order);
  }
}

// How many of `times`, which are sorted, lie within one hour at most.
int MostInAnHour(const std::vector<absl::Time>& times) {
  int most = 0;
  size_t first = 0;
  for (size_t last = 0; last < times.size(); ++last) {
    while (times[last] - times[first] >= absl::Hours(1)) ++first;
    most = std::max(most, static_cast<int>(last - first + 1));
  }
  return most;
}

// An order for a name and its wildcard, whose proofs may fail both.
bool OrderedTwice(World& world, const std::string& name) {
  return std::any_of(world.clients().begin(), world.clients().end(), [&](const auto& client) {
    const std::vector<std::string>& names = client->plan().names;
    return std::count(names.begin(), names.end(), name) > 0 &&
           std::count(names.begin(), names.end(), "*." + name) > 0;
  });
}

// I6.
void CheckBudgets(World& world) {
  for (const auto& [name, times] : world.failures()) {
    const int most = MostInAnHour(times);
    const int limit =
        world.limits().failures_per_name_per_hour + (OrderedTwice(world, name) ? 1 : 0);
    if (most <= limit) continue;
    world.sim().Violate(
        "I6", absl::StrCat("the CA looked at ", name, " in vain ", most, " times an hour"));
  }
}

// How many orders at the CA have the authorization with this number.
int OrdersWith(World& world, const std::string& number) {
  int orders = 0;
  for (const fakes::OrderRecord& record : world.ca().orders()) {
    const auto& urls = record.authorizations;
    orders += std::any_of(urls.begin(), urls.end(), [&](const std::string& url) {
      return absl::EndsWith(url, "/authz/" + number);
    });
  }
  return orders;
}

// Two orders of ours may share an authorization: each may tell the CA of it once, of which the
// second is refused, which the issuer knows what to do with; and each may read it. Nobody can know
// of a Retry-After in a reply that did not come, and one that is stored is read by the wall clock.
// So it is with whoever took an order over from a worker that was held between its check and its
// request, or whose order was cancelled, or ended by the CA, in between: no client can prevent
// that. What was heard and not stored yet is lost with a process, once a death.
struct Explained {
  int late = 0;
  int forgotten = 0;
};

bool IsExplained(World& world, const std::string& violation, Explained& explained) {
  const auto struck = [&](std::initializer_list<Fault> faults) {
    return std::any_of(faults.begin(), faults.end(),
                       [&](Fault fault) { return world.sim().faults.struck(fault) > 0; });
  };
  if (struck({Fault::kFrozenBeforeWrite, Fault::kFrozenAfterReply})) return true;
  const bool answered = absl::StrContains(violation, "was answered when it was not pending");
  const bool early = absl::StrContains(violation, "was read before its Retry-After");
  if (early && struck({Fault::kReplyLost, Fault::kServerErrorLate, Fault::kSilentCa,
                       Fault::kIssuerDiesAfterReply, Fault::kIssuerDiesBeforeWrite,
                       Fault::kIssuerClockJumps})) {
    return true;
  }
  const auto times = [&](Fault fault) { return world.sim().faults.struck(fault); };
  const int deaths = times(Fault::kIssuerDiesBeforeRequest) + times(Fault::kIssuerDiesAfterWrite) +
                     times(Fault::kIssuerDiesAtRest);
  if (early && ++explained.forgotten <= deaths) {
    return true;
  }
  // ".../challenge/7/dns-01 was answered", ".../authz/7 was read".
  const std::vector<std::string> parts =
      absl::StrSplit(violation.substr(0, violation.find(' ')), '/');
  if (answered && OrdersWith(world, parts[parts.size() - 2]) > 1) return true;
  if (answered || absl::EndsWith(violation, "which is invalid")) {
    // One for each time that something ended under a request on its way; a name's authorizations
    // end together.
    return times(Fault::kAuthorizationLost) > 0 ||
           ++explained.late <= times(Fault::kCancelled) + times(Fault::kOrderInvalid);
  }
  return early && parts[parts.size() - 2] == "authz" && OrdersWith(world, parts.back()) > 1;
}

}  // namespace

void CheckInvariants(World& world) {
  const auto orders = world.store().ListOrders({}, {}, 100);
  NORROY_CHECK(orders.ok());
  CheckAccepted(world, *orders);
  CheckSpending(world, *orders);
  CheckCertificates(world, *orders);
  CheckBudgets(world);
  Explained explained;
  for (const std::string& violation : world.ca().violations()) {
    if (!IsExplained(world, violation, explained)) world.sim().Violate("I5", violation);
  }
  if (!world.store().VerifyAudit().ok()) world.sim().Violate("I8", "the audit log is broken");
}

}  // namespace norroy::sim
