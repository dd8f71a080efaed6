#include "issuer/flow/order_rules.h"

#include <cstdio>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/chain.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"

namespace norroy::flow {
namespace {

// A store that answers: the world is calm, or the fixture's own connection is asked.
int64_t Count(sql::Database& database, absl::string_view sql, const std::vector<sql::Value>& with) {
  int64_t count = -1;
  const absl::Status read = database.Read([&](sql::Connection& connection) {
    const absl::StatusOr<std::vector<sql::Row>> rows = connection.Query(sql, with);
    if (!rows.ok()) return rows.status();
    count = rows->front().Int(0);
    return absl::OkStatus();
  });
  NORROY_CHECK(read.ok());
  return count;
}

}  // namespace

void OrderRules::Require(bool holds, absl::string_view what) const {
  // So that a finding can be read.
  if (!holds) std::fprintf(stderr, "%s\nafter: %s\n", std::string(what).c_str(), program_.c_str());
  NORROY_CHECK(holds);
}

void OrderRules::Require(bool holds, const Order& order, absl::string_view what) const {
  if (holds) return;
  Require(holds, absl::StrCat("order ", order.id, " is ", StateName(order.state),
                              " (waiting for \"", order.waiting_for, "\", error \"",
                              order.error.has_value() ? order.error->message : "", "\"): ", what));
}

void OrderRules::NoteCreated(const Order& order) {
  seen_.emplace(order.id, order);
  int& tries = tries_.try_emplace(order.id, 0).first->second;
  if (!order.csr.empty() && order.state != State::kDone) ++tries;
}

void OrderRules::NoteRetried(const std::string& id) {
  Order& last = seen_.at(id);
  if (last.state != State::kFailed) return;
  last = f_.Get(id);
  if (!last.csr.empty()) ++tries_[id];
}

void OrderRules::CheckNow() {
  for (auto& [id, last] : seen_) {
    Order now = f_.Get(id);
    if (IsFinal(last.state)) {
      Require(now.state == last.state, now, "it had ended, and is not what it was");
      Require(now.certificate_id == last.certificate_id, now, "it has another certificate now");
    }
    Require(now.names == last.names && now.creator == last.creator, now, "it changed its names");
    Require(now.generation >= last.generation, now, "its generation went back");
    if (IsFinal(now.state)) CheckEnded(now);
    last = std::move(now);
  }
}

void OrderRules::CheckEnded(const Order& order) {
  Require(order.released, order, "it has ended and was not released");
  Require(!f_.solver().Serves(order.id), order, "it has ended and is still served");
  Require(order.due_time == absl::InfiniteFuture(), order, "it has ended and is due");
  Require((order.state == State::kDone) == !order.certificate_id.empty(), order,
          "VALID is what has a certificate");
  if (order.state != State::kFailed) return;
  Require(order.error.has_value() && !order.error->reason.empty(), order, "it does not say why");
  Require(Printable(order.error->message, 1 << 16) == order.error->message, order,
          "its error cannot be printed");
}

void OrderRules::CheckRest() {
  CheckNow();
  for (const auto& [id, order] : seen_) {
    if (IsFinal(order.state)) continue;
    Require(!order.waiting_for.empty(), order, "it rests and does not say for what it waits");
    const bool held = order.state == State::kQueued || order.state == State::kWaitingForCsr;
    Require(!held || !f_.solver().Serves(id), order, "it waits and is served");
    Require(!held || order.released, order, "it waits and was not released");
  }
}

void OrderRules::CheckCertificate(const Order& order) {
  const StoredCertificate certificate = f_.CertificateOf(order.id);
  const auto chain = crypto::CertificateChain::ParsePem(certificate.chains_pem.front());
  const auto csr = crypto::Csr::Parse(order.csr);
  Require(chain.ok() && csr.ok(), order, "its certificate or CSR cannot be read");
  Require(chain->leaf().spki_sha256() == csr->public_key().spki_sha256(), order,
          "its certificate has another key than its CSR");
  Require(certificate.names == order.names, order, "its certificate has other names");
}

void OrderRules::CheckEnd() {
  CheckNow();
  int tries = 0;
  std::set<std::string> certificates;
  for (const auto& [id, order] : seen_) {
    tries += tries_.at(id);
    Require(IsFinal(order.state), order, "its expire_time is long past, and it has not ended");
    if (order.state != State::kDone) continue;
    CheckCertificate(order);
    // A repeat has the certificate of the order that it was issued for.
    const bool own = f_.CertificateOf(id).order_id == id;
    Require(!own || certificates.insert(order.certificate_id).second, order,
            "its certificate is another order's too");
  }
  Require(f_.ca().certificates_issued() <= tries,
          absl::StrCat(f_.ca().certificates_issued(), " certificates for ", tries, " CSRs"));
  std::vector<std::string> violations = f_.ca().violations();
  int late = 0;
  std::erase_if(violations, [&](const std::string& violation) {
    return absl::EndsWith(violation, "was answered when it was not pending") &&
           ++late <= standstills_;
  });
  Require(violations.empty(), violations.empty() ? "" : violations.front());
  Require(f_.solver().served_count() == 0, "something is still served");
  CheckDatabase();
}

void OrderRules::CheckDatabase() {
  Require(Count(f_.database(), "SELECT COUNT(*) FROM flights", {}) == 0, "a flight is held");
  Require(Count(f_.database(), "SELECT COUNT(*) FROM orders WHERE lease_end > $1",
                {sql::TimeColumn(f_.clock().Now())}) == 0,
          "an order is leased");
  Require(f_.store().VerifyAudit().ok(), "the audit log is broken");
}

}  // namespace norroy::flow
