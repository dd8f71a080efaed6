#ifndef NORROY_ISSUER_STORE_SQL_STORE_H_
#define NORROY_ISSUER_STORE_SQL_STORE_H_

// The Store over the database port. The methods lie in orders.cc, leases.cc, flights.cc, guards.cc,
// validations.cc, certificates.cc, accounts.cc and audit.cc.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/audit/chain.h"
#include "common/sql/database.h"
#include "issuer/store/store.h"
#include "issuer/store/unwritable.h"

namespace norroy::store {

class SqlStore final : public Store {
 public:
  SqlStore(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  absl::StatusOr<flow::Order> CreateOrder(const flow::Order& order, absl::Time now,
                                          const OrderOrigin& origin) override;
  absl::StatusOr<flow::Order> GetOrder(absl::string_view id) override;
  absl::StatusOr<std::vector<flow::Order>> GetOrders(const std::vector<std::string>& ids) override;
  absl::StatusOr<std::vector<flow::Order>> ListOrders(const OrderFilter& filter,
                                                      const PageKey& after, int limit) override;
  absl::StatusOr<flow::Order> ChangeOrder(absl::string_view id, bool take_over,
                                          const Change& change, const AuditEntry& audit) override;

  absl::StatusOr<std::optional<Leased>> TakeDue(absl::string_view owner, absl::Time now,
                                                absl::Duration lease) override;
  absl::StatusOr<std::optional<Leased>> TakeOrder(absl::string_view id, absl::string_view owner,
                                                  absl::Time now, absl::Duration lease) override;
  using Store::BreakLeases;
  absl::StatusOr<int64_t> BreakLeases(absl::string_view owner) override;
  absl::StatusOr<std::map<std::string, int64_t>> LeasesOf(absl::string_view owner,
                                                          absl::Time now) override;
  absl::StatusOr<absl::Time> NextDue(absl::Time now) override;
  absl::Status ExtendLease(const Lease& lease, absl::Time now, absl::Duration by) override;
  absl::Status ConfirmLease(const Lease& lease) override;
  absl::Status SaveOrder(const flow::Order& order, const Lease& lease, bool give_back) override;

  absl::StatusOr<bool> TakeFlight(const flow::Order& order, const Lease& lease) override;
  absl::Status GiveFlightBack(const flow::Order& order, const Lease& lease) override;

  absl::StatusOr<absl::Time> MayOrder(const flow::Order& order, const Limits& limits,
                                      absl::Time now) override;
  absl::Status NoteCaOrder(const flow::Order& order, absl::string_view ca_order_url,
                           absl::Time now) override;
  absl::StatusOr<absl::Time> MayValidate(const flow::Order& order, const Limits& limits,
                                         absl::Time now) override;
  absl::StatusOr<absl::Time> MayBeginValidation(const flow::Order& order, const Limits& limits,
                                                absl::Time now) override;
  absl::StatusOr<absl::Time> BeginValidation(const flow::Order& order, const Lease& lease,
                                             const Limits& limits, absl::Time now) override;
  absl::Status NoteFailure(const flow::Order& order, const challenge::Name& name,
                           absl::string_view authorization_url, absl::Time now) override;
  absl::Status SetHold(absl::string_view scope, absl::Time until, absl::string_view why) override;
  absl::StatusOr<absl::Time> GetHold(absl::string_view scope) override;
  absl::StatusOr<std::string> WhyHeld(absl::string_view scope) override;
  absl::Status LiftHold(absl::string_view scope) override;

  absl::Status FinishOrder(const flow::Order& order, const Lease& lease,
                           const flow::StoredCertificate& certificate) override;
  absl::StatusOr<flow::StoredCertificate> GetCertificate(absl::string_view id) override;
  absl::StatusOr<std::vector<flow::StoredCertificate>> ListCertificates(
      const CertificateFilter& filter, const PageKey& after, int limit) override;
  absl::StatusOr<std::optional<flow::StoredCertificate>> FindRepeat(
      const flow::Order& order, absl::string_view public_key_sha256, absl::Time now) override;
  absl::Status AddReader(absl::string_view certificate_id, absl::string_view principal,
                         const AuditEntry& audit) override;
  absl::Status NoteRevoked(absl::string_view certificate_id, int reason, absl::Time now,
                           const AuditEntry& audit) override;

  absl::Status PutAccount(const AccountRecord& account, absl::string_view replaces) override;
  absl::StatusOr<AccountRecord> GetAccount(absl::string_view ca) override;
  absl::StatusOr<std::vector<AccountRecord>> ListAccounts() override;

  absl::Status Audit(const AuditEntry& entry, absl::Time now) override;
  absl::StatusOr<std::vector<AuditHead>> VerifyAudit() override;

 private:
  // Appends to this process's chain, at entry.time or else `time`.
  absl::Status Append(sql::Connection& connection, const AuditEntry& entry, absl::Time time);
  // Before the order is written: its new state or problem, if it has one.
  absl::Status AuditSave(sql::Connection& connection, const flow::Order& order);
  absl::Status Insert(sql::Connection& connection, const flow::Order& order, absl::Time now,
                      const OrderOrigin& origin);
  absl::Status ChangeCertificate(
      absl::string_view id, const AuditEntry& audit, absl::Time time,
      const std::function<absl::Status(sql::Connection&, flow::StoredCertificate&)>& change);

  sql::Database& database_;
  const audit::Chain chain_;
  Unwritable unwritable_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_SQL_STORE_H_
