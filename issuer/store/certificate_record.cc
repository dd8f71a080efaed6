#include "common/status_macros.h"
#include "issuer/store/order_record.pb.h"
#include "issuer/store/record_fields.h"
#include "issuer/store/records.h"

namespace norroy::store {

// The structured bindings name every field, so that one that is added cannot be forgotten here.

std::string CertificateBytes(const flow::StoredCertificate& certificate) {
  const auto& [id, order_id, creator, readers, names, ca, account_url, profile, serial,
               public_key_sha256, key_type, not_before, not_after, chains_pem, labels, revoke_time,
               revocation_reason, replaced_by, create_time, renewal_time] = certificate;
  // The renewal's row knows.
  static_cast<void>(renewal_time);
  v1::CertificateRecord record;
  record.set_id(id);
  record.set_order_id(order_id);
  record.set_creator(creator);
  SetTexts(readers, *record.mutable_readers());
  SetNames(names, *record.mutable_names());
  record.set_ca(ca);
  record.set_account_url(account_url);
  record.set_profile(profile);
  record.set_serial(serial);
  record.set_public_key_sha256(public_key_sha256);
  record.set_key_type(key_type);
  SetMoment(not_before, *record.mutable_not_before());
  SetMoment(not_after, *record.mutable_not_after());
  SetTexts(chains_pem, *record.mutable_chains_pem());
  SetPairs(labels, *record.mutable_labels());
  SetMoment(revoke_time, *record.mutable_revoke_time());
  record.set_revocation_reason(revocation_reason);
  record.set_replaced_by(replaced_by);
  SetMoment(create_time, *record.mutable_create_time());
  return record.SerializeAsString();
}

absl::StatusOr<flow::StoredCertificate> ParseCertificate(absl::string_view bytes) {
  v1::CertificateRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BadRecord("the bytes are no certificate");
  }
  flow::StoredCertificate certificate;
  certificate.id = record.id();
  certificate.order_id = record.order_id();
  certificate.creator = record.creator();
  certificate.readers = TextsOf(record.readers());
  NORROY_ASSIGN_OR_RETURN(certificate.names, NamesOf(record.names()));
  certificate.ca = record.ca();
  certificate.account_url = record.account_url();
  certificate.profile = record.profile();
  certificate.serial = record.serial();
  certificate.public_key_sha256 = record.public_key_sha256();
  certificate.key_type = record.key_type();
  certificate.not_before = TimeOf(record.not_before());
  certificate.not_after = TimeOf(record.not_after());
  certificate.chains_pem = TextsOf(record.chains_pem());
  certificate.labels = MapOf(record.labels());
  certificate.revoke_time = TimeOf(record.revoke_time());
  certificate.revocation_reason = record.revocation_reason();
  certificate.replaced_by = record.replaced_by();
  certificate.create_time = TimeOf(record.create_time());
  return certificate;
}

std::string AccountBytes(const AccountRecord& account) {
  const auto& [ca, directory_url, url, status, contacts, key_thumbprint, eab_kid, terms_of_service,
               create_time] = account;
  v1::AccountRecord record;
  record.set_ca(ca);
  record.set_directory_url(directory_url);
  record.set_url(url);
  record.set_status(status);
  SetTexts(contacts, *record.mutable_contacts());
  record.set_key_thumbprint(key_thumbprint);
  record.set_eab_kid(eab_kid);
  record.set_terms_of_service(terms_of_service);
  SetMoment(create_time, *record.mutable_create_time());
  return record.SerializeAsString();
}

absl::StatusOr<AccountRecord> ParseAccount(absl::string_view bytes) {
  v1::AccountRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BadRecord("the bytes are no account");
  }
  return AccountRecord{.ca = record.ca(),
                       .directory_url = record.directory_url(),
                       .url = record.url(),
                       .status = record.status(),
                       .contacts = TextsOf(record.contacts()),
                       .key_thumbprint = record.key_thumbprint(),
                       .eab_kid = record.eab_kid(),
                       .terms_of_service = record.terms_of_service(),
                       .create_time = TimeOf(record.create_time())};
}

}  // namespace norroy::store
