#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/renewals.h"
#include "issuer/store/rows.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {
namespace {

// Of one set; more than a CA issues for it within a certificate's life.
constexpr int64_t kMaxRepeatsLookedAt = 100;

absl::StatusOr<flow::StoredCertificate> Parse(const sql::Row& row, absl::string_view id) {
  absl::StatusOr<flow::StoredCertificate> certificate = ParseCertificate(row.Bytes(0));
  if (!certificate.ok()) {
    return WithContext(certificate.status(), absl::StrCat("certificate ", id));
  }
  return certificate;
}

// With when it is to be renewed, for who shows or hands it out.
absl::StatusOr<flow::StoredCertificate> ParsePlanned(sql::Connection& connection,
                                                     const sql::Row& row, absl::string_view id) {
  NORROY_ASSIGN_OR_RETURN(flow::StoredCertificate certificate, Parse(row, id));
  NORROY_ASSIGN_OR_RETURN(certificate.renewal_time, RenewalTimeOf(connection, certificate));
  return certificate;
}

absl::StatusOr<flow::StoredCertificate> ReadCertificate(sql::Connection& connection,
                                                        absl::string_view id) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT record FROM certificates WHERE id = $1", {std::string(id)}));
  if (!rows.empty()) return ParsePlanned(connection, rows.front(), id);
  const std::string printable = Printable(id, 64);
  return MakeError(absl::StatusCode::kNotFound, "CERTIFICATE_NOT_FOUND",
                   absl::StrCat("there is no certificate ", printable),
                   {{"certificate_id", printable}});
}

absl::Status Update(sql::Connection& connection, const flow::StoredCertificate& certificate) {
  return connection
      .Execute(
          "UPDATE certificates SET replaced_by = $2, revoke_time = $3, record = $4 "
          "WHERE id = $1",
          {certificate.id, certificate.replaced_by, sql::TimeColumn(certificate.revoke_time),
           sql::Blob{CertificateBytes(certificate)}})
      .status();
}

absl::Status InsertReader(sql::Connection& connection, const std::string& certificate_id,
                          const std::string& principal) {
  return connection
      .Execute(
          "INSERT INTO certificate_readers (principal, certificate_id) VALUES ($1, $2) "
          "ON CONFLICT (principal, certificate_id) DO NOTHING",
          {principal, certificate_id})
      .status();
}

absl::Status InsertCertificate(sql::Connection& connection,
                               const flow::StoredCertificate& certificate) {
  NORROY_RETURN_IF_ERROR(
      connection
          .Execute(
              "INSERT INTO certificates (id, order_id, ca, profile, set_hash, key_type, "
              "public_key_sha256, replaced_by, revoke_time, create_time, record) "
              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
              {certificate.id, certificate.order_id, certificate.ca, certificate.profile,
               HashKey(challenge::SetKey(certificate.names)), certificate.key_type,
               certificate.public_key_sha256, certificate.replaced_by,
               sql::TimeColumn(certificate.revoke_time), sql::TimeColumn(certificate.create_time),
               sql::Blob{CertificateBytes(certificate)}})
          .status());
  for (const challenge::Name& name : certificate.names) {
    NORROY_RETURN_IF_ERROR(
        connection
            .Execute("INSERT INTO certificate_names (name, certificate_id) VALUES ($1, $2) "
                     "ON CONFLICT (name, certificate_id) DO NOTHING",
                     {name.text(), certificate.id})
            .status());
  }
  NORROY_RETURN_IF_ERROR(InsertReader(connection, certificate.id, certificate.creator));
  for (const std::string& reader : certificate.readers) {
    NORROY_RETURN_IF_ERROR(InsertReader(connection, certificate.id, reader));
  }
  return absl::OkStatus();
}

// The new certificate takes the place of those before it, and of the one that its order renews,
// which may be another CA's.
absl::Status MarkReplaced(sql::Connection& connection, const flow::StoredCertificate& by,
                          const std::string& renews) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT record, id FROM certificates WHERE (ca = $1 AND set_hash = $2 "
                       "AND key_type = $3 OR id = $5) AND replaced_by = '' AND id <> $4",
                       {by.ca, HashKey(challenge::SetKey(by.names)), by.key_type, by.id, renews}));
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(flow::StoredCertificate certificate, Parse(row, row.Text(1)));
    certificate.replaced_by = by.id;
    NORROY_RETURN_IF_ERROR(Update(connection, certificate));
  }
  return absl::OkStatus();
}

int64_t PolicyOf(const flow::Order& order) {
  return order.finalize_policy_version > 0 ? order.finalize_policy_version : order.policy_version;
}

AuditEntry AuditOfDone(const flow::Order& order, const flow::StoredCertificate& certificate) {
  return {.principal = certificate.creator,
          .action = "order.done",
          .object = absl::StrCat("order/", order.id),
          .detail = absl::StrCat("certificate=", certificate.id, " ca_order=", order.ca_order_url),
          .policy_version = PolicyOf(order),
          .request_id = order.request_id};
}

AuditEntry AuditOfIssue(const flow::Order& order, const flow::StoredCertificate& certificate) {
  return {.principal = certificate.creator,
          .action = "certificate.issue",
          .object = absl::StrCat("certificate/", certificate.id),
          .detail = absl::StrCat("order=", order.id, " ca=", certificate.ca, " serial=",
                                 certificate.serial, " key=", certificate.public_key_sha256,
                                 order.finalizer.empty() ? "" : " finalizer=", order.finalizer),
          .policy_version = PolicyOf(order),
          .request_id = order.request_id};
}

absl::Status EndOrder(sql::Connection& connection, const flow::Order& ended, const Lease& lease,
                      const std::string& certificate_id) {
  flow::Order order = ended;
  order.state = flow::State::kDone;
  order.certificate_id = certificate_id;
  NORROY_ASSIGN_OR_RETURN(
      const int64_t saved,
      connection.Execute("UPDATE orders SET state = $1, due_time = $2, record = $3, "
                         "lease_owner = '', lease_end = $4 "
                         "WHERE id = $5 AND lease_token = $6 AND lease_end <> $4",
                         {StateColumn(order.state), DueColumn(order), sql::Blob{OrderBytes(order)},
                          kNotLeased, order.id, lease.token}));
  if (saved != 1 || order.id != lease.order_id) return LeaseLost(order.id);
  return DropFlights(connection, order.id);
}

}  // namespace

absl::Status SqlStore::FinishOrder(const flow::Order& order, const Lease& lease,
                                   const flow::StoredCertificate& certificate) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    if (certificate.order_id != order.id) {
      return absl::InternalError(absl::StrCat("certificate ", certificate.id, " is of order ",
                                              certificate.order_id, ", not of ", order.id));
    }
    NORROY_RETURN_IF_ERROR(EndOrder(connection, order, lease, certificate.id));
    NORROY_RETURN_IF_ERROR(InsertCertificate(connection, certificate));
    NORROY_RETURN_IF_ERROR(MarkReplaced(connection, certificate, order.renews));
    NORROY_RETURN_IF_ERROR(BeginRenewal(connection, order, certificate));
    NORROY_RETURN_IF_ERROR(
        Append(connection, AuditOfDone(order, certificate), certificate.create_time));
    return Append(connection, AuditOfIssue(order, certificate), certificate.create_time);
  });
}

absl::StatusOr<flow::StoredCertificate> SqlStore::GetCertificate(absl::string_view id) {
  return sql::ReadFor<flow::StoredCertificate>(
      database_, [&](sql::Connection& connection) { return ReadCertificate(connection, id); });
}

absl::StatusOr<std::vector<flow::StoredCertificate>> SqlStore::ListCertificates(
    const CertificateFilter& filter, const PageKey& after, int limit) {
  using Certificates = std::vector<flow::StoredCertificate>;
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<Certificates> {
    PageQuery query("certificates");
    if (filter.reader.has_value()) {
      query.Where("id IN (SELECT certificate_id FROM certificate_readers WHERE principal = $)",
                  *filter.reader);
    }
    if (filter.name.has_value()) {
      query.Where("id IN (SELECT certificate_id FROM certificate_names WHERE name = $)",
                  filter.name->text());
    }
    NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows, query.Run(connection, after, limit));
    Certificates certificates;
    certificates.reserve(rows.size());
    for (const sql::Row& row : rows) {
      NORROY_ASSIGN_OR_RETURN(flow::StoredCertificate certificate,
                              ParsePlanned(connection, row, row.Text(1)));
      certificates.push_back(std::move(certificate));
    }
    return certificates;
  };
  return sql::ReadFor<Certificates>(database_, look);
}

absl::StatusOr<std::optional<flow::StoredCertificate>> SqlStore::FindRepeat(
    const flow::Order& order, absl::string_view public_key_sha256, absl::Time now) {
  using Found = std::optional<flow::StoredCertificate>;
  const auto look = [&](sql::Connection& connection) -> absl::StatusOr<Found> {
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        connection.Query("SELECT record, id FROM certificates WHERE ca = $1 AND set_hash = $2 "
                         "AND profile = $3 AND public_key_sha256 = $4 AND revoke_time = $5 "
                         "ORDER BY create_time DESC, id DESC LIMIT $6",
                         {order.ca, SetHash(order), order.profile, std::string(public_key_sha256),
                          sql::kInfiniteFuture, kMaxRepeatsLookedAt}));
    for (const sql::Row& row : rows) {
      NORROY_ASSIGN_OR_RETURN(flow::StoredCertificate certificate,
                              ParsePlanned(connection, row, row.Text(1)));
      if (now < certificate.renewal_time) return Found(std::move(certificate));
    }
    return Found();
  };
  return sql::ReadFor<Found>(database_, look);
}

absl::Status SqlStore::ChangeCertificate(
    absl::string_view id, const AuditEntry& audit, absl::Time time,
    const std::function<absl::Status(sql::Connection&, flow::StoredCertificate&)>& change) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_ASSIGN_OR_RETURN(flow::StoredCertificate certificate, ReadCertificate(connection, id));
    NORROY_RETURN_IF_ERROR(change(connection, certificate));
    NORROY_RETURN_IF_ERROR(Update(connection, certificate));
    return Append(connection, audit, time);
  });
}

absl::Status SqlStore::AddReader(absl::string_view certificate_id, absl::string_view principal,
                                 const AuditEntry& audit) {
  return ChangeCertificate(
      certificate_id, audit, absl::InfinitePast(),
      [&](sql::Connection& connection, flow::StoredCertificate& certificate) -> absl::Status {
        const std::string reader(principal);
        const bool known = certificate.creator == reader ||
                           std::find(certificate.readers.begin(), certificate.readers.end(),
                                     reader) != certificate.readers.end();
        if (!known) certificate.readers.push_back(reader);
        return InsertReader(connection, certificate.id, reader);
      });
}

absl::Status SqlStore::NoteRevoked(absl::string_view certificate_id, int reason, absl::Time now,
                                   const AuditEntry& audit) {
  return ChangeCertificate(certificate_id, audit, now,
                           [&](sql::Connection& connection, flow::StoredCertificate& certificate) {
                             if (certificate.revoke_time != absl::InfiniteFuture())
                               return absl::OkStatus();
                             certificate.revoke_time = now;
                             certificate.revocation_reason = reason;
                             return EndRenewal(connection, certificate.id, now);
                           });
}

}  // namespace norroy::store
