#include "common/crypto/revocation_list.h"

#include <openssl/pem.h>
#include <time.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr size_t kMaxSerial = 40;  // RFC 5280 4.1.2.2: 20 octets

using CrlPtr = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, OpensslFree<X509_REVOKED_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslFree<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>>;

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_REVOCATION_LIST",
                   absl::StrCat("revocation list: ", message));
}

std::string SerialText(const ASN1_INTEGER* serial) {
  const BnPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  if (number == nullptr) return "";
  char* const digits = BN_bn2hex(number.get());
  if (digits == nullptr) return "";
  std::string text = absl::AsciiStrToLower(digits);
  OPENSSL_free(digits);
  const size_t first = text.find_first_not_of('0');
  return first == std::string::npos ? "0" : text.substr(first);
}

absl::Time TimeOf(const ASN1_TIME* time) {
  struct tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&parts));
}

TimePtr ToAsn1(absl::Time time) {
  return TimePtr(ASN1_TIME_adj(nullptr, absl::ToTimeT(time), 0, 0));
}

absl::Status CheckExtensions(const X509_CRL* crl) {
  for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
    if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) != 0) {
      return Bad("a critical extension that is not known here");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> NumberOf(const X509_CRL* crl) {
  const IntegerPtr number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, nullptr, nullptr)));
  int64_t value = 0;
  if (number == nullptr || ASN1_INTEGER_get_int64(&value, number.get()) != 1 || value < 1) {
    return Bad("no number of 1 to 2^63-1");
  }
  return value;
}

absl::StatusOr<std::map<std::string, absl::Time>> RevokedIn(X509_CRL* crl) {
  STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(crl);
  const int count = entries == nullptr ? 0 : sk_X509_REVOKED_num(entries);
  if (count > kMaxRevoked) return Bad(absl::StrCat("more than ", kMaxRevoked, " entries"));
  std::map<std::string, absl::Time> revoked;
  for (int i = 0; i < count; ++i) {
    const X509_REVOKED* const entry = sk_X509_REVOKED_value(entries, i);
    std::string serial = SerialText(X509_REVOKED_get0_serialNumber(entry));
    if (serial.empty() || serial.size() > kMaxSerial) return Bad("an entry without a serial");
    revoked[std::move(serial)] = TimeOf(X509_REVOKED_get0_revocationDate(entry));
  }
  return revoked;
}

absl::Status AddEntry(X509_CRL* crl, const std::string& serial, absl::Time since) {
  BIGNUM* raw = nullptr;
  const bool hex = !serial.empty() && serial.size() <= kMaxSerial && serial[0] != '-' &&
                   BN_hex2bn(&raw, serial.c_str()) == static_cast<int>(serial.size());
  const BnPtr number(raw);
  if (!hex) return Bad(absl::StrCat("\"", Printable(serial, 64), "\" is no serial"));
  const IntegerPtr value(BN_to_ASN1_INTEGER(number.get(), nullptr));
  const TimePtr time = ToAsn1(since);
  RevokedPtr entry(X509_REVOKED_new());
  NORROY_CHECK(value != nullptr && time != nullptr && entry != nullptr);
  NORROY_CHECK(X509_REVOKED_set_serialNumber(entry.get(), value.get()) == 1);
  NORROY_CHECK(X509_REVOKED_set_revocationDate(entry.get(), time.get()) == 1);
  NORROY_CHECK(X509_CRL_add0_revoked(crl, entry.release()) == 1);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RevocationList> RevocationList::ParsePem(absl::string_view pem) {
  if (pem.size() > kMaxRevocationList) {
    return Bad(absl::StrCat("over ", kMaxRevocationList, " bytes"));
  }
  ErrorScope scope;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  NORROY_CHECK(bio != nullptr);
  CrlPtr crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
  if (crl == nullptr) return Bad(absl::StrCat("no PEM block of one: ", ErrorText()));
  if (CrlPtr(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) != nullptr) {
    return Bad("two in one file");
  }
  NORROY_RETURN_IF_ERROR(CheckExtensions(crl.get()));
  RevocationList list;
  NORROY_ASSIGN_OR_RETURN(list.number_, NumberOf(crl.get()));
  NORROY_ASSIGN_OR_RETURN(list.revoked_, RevokedIn(crl.get()));
  list.crl_ = std::shared_ptr<X509_crl_st>(crl.release(), X509_CRL_free);
  return list;
}

absl::StatusOr<std::string> RevocationList::MakePem(const Draft& draft, const PrivateKey& key,
                                                    const Certificate& authority) {
  if (draft.revoked.size() > static_cast<size_t>(kMaxRevoked)) {
    return Bad(absl::StrCat("more than ", kMaxRevoked, " entries"));
  }
  ErrorScope scope;
  const CrlPtr crl(X509_CRL_new());
  const TimePtr now = ToAsn1(draft.now);
  const TimePtr next = ToAsn1(draft.next_update);
  const IntegerPtr number(ASN1_INTEGER_new());
  NORROY_CHECK(crl != nullptr && now != nullptr && next != nullptr && number != nullptr);
  for (const auto& entry : draft.revoked) {
    NORROY_RETURN_IF_ERROR(AddEntry(crl.get(), entry.first, entry.second));
  }
  const bool done =
      X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) == 1 &&
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority.get())) == 1 &&
      X509_CRL_set1_lastUpdate(crl.get(), now.get()) == 1 &&
      X509_CRL_set1_nextUpdate(crl.get(), next.get()) == 1 &&
      ASN1_INTEGER_set_int64(number.get(), draft.number) == 1 &&
      X509_CRL_add1_ext_i2d(crl.get(), NID_crl_number, number.get(), 0, 0) == 1 &&
      X509_CRL_sort(crl.get()) == 1 && X509_CRL_sign(crl.get(), key.get(), EVP_sha256()) > 0;
  if (!done) return absl::InternalError(absl::StrCat("making a revocation list: ", ErrorText()));
  return PemEncode("X509 CRL", ToDer<i2d_X509_CRL>(crl.get()));
}

bool RevocationList::IsSignedBy(const Certificate& authority) const {
  ErrorScope scope;
  EVP_PKEY* const key = X509_get0_pubkey(authority.get());
  return authority.is_ca() && key != nullptr &&
         X509_NAME_cmp(X509_CRL_get_issuer(crl_.get()), X509_get_subject_name(authority.get())) ==
             0 &&
         X509_CRL_verify(crl_.get(), key) == 1;
}

bool RevocationList::Revokes(absl::string_view serial) const {
  return revoked_.find(std::string(serial)) != revoked_.end();
}

}  // namespace norroy::crypto
