#include "common/crypto/certificate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

absl::Status Unreadable(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CERTIFICATE",
                   absl::StrCat("certificate: ", message));
}

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  std::tm tm = {};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return Unreadable("a date cannot be read");
  return absl::FromTM(tm, absl::UTCTimeZone());
}

std::string SerialOf(const X509* x509) {
  const BnPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr));
  if (number == nullptr) return "";
  char* text = BN_bn2hex(number.get());
  NORROY_CHECK(text != nullptr);
  const bool negative = text[0] == '-';
  std::string digits = absl::AsciiStrToLower(text + (negative ? 1 : 0));
  OPENSSL_free(text);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return absl::StrCat(negative ? "-" : "", digits);
}

std::string CommonNameOf(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (length < 0) return "";
  std::string result(reinterpret_cast<char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return result;
}

// A dNSName or iPAddress as a Name of that same kind; an error for any other entry.
absl::StatusOr<challenge::Name> ToName(const GENERAL_NAME* entry) {
  if (entry->type == GEN_DNS) {
    NORROY_ASSIGN_OR_RETURN(challenge::Name name,
                            challenge::Name::Parse(StringOf(entry->d.dNSName)));
    if (name.identifier().type() == challenge::IdentifierType::kDns) return name;
    return Unreadable("an address as dNSName");
  }
  if (entry->type != GEN_IPADD) return Unreadable("an entry of another kind");
  const absl::string_view address = StringOf(entry->d.iPAddress);
  if (address.size() != 4 && address.size() != 16) return Unreadable("an iPAddress of odd length");
  char text[INET6_ADDRSTRLEN];
  NORROY_CHECK(inet_ntop(address.size() == 4 ? AF_INET : AF_INET6, address.data(), text,
                         sizeof(text)) != nullptr);
  return challenge::Name::Parse(text);
}

struct AlternativeNames {
  std::vector<challenge::Name> names;
  std::vector<std::string> uris;
  bool clean = true;
};

AlternativeNames ReadAlternativeNames(const X509* x509) {
  AlternativeNames result;
  int critical = 0;
  const GeneralNamesPtr entries(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, nullptr)));
  // -1: there is none. Else it is there twice or cannot be read.
  if (entries == nullptr) {
    result.clean = critical == -1;
    return result;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(entries.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(entries.get(), i);
    if (entry->type == GEN_URI) {
      result.uris.emplace_back(StringOf(entry->d.uniformResourceIdentifier));
    }
    absl::StatusOr<challenge::Name> name = ToName(entry);
    if (!name.ok()) {
      result.clean = false;
      continue;
    }
    result.names.push_back(*std::move(name));
  }
  std::sort(result.names.begin(), result.names.end());
  const auto end = std::unique(result.names.begin(), result.names.end());
  if (end != result.names.end()) result.clean = false;
  result.names.erase(end, result.names.end());
  return result;
}

std::vector<std::string> ExtendedKeyUsages(const X509* x509) {
  std::vector<std::string> oids;
  auto* usages =
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr));
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages); ++i) {
    char text[128];
    if (OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, i), 1) > 0) {
      oids.emplace_back(text);
    }
  }
  EXTENDED_KEY_USAGE_free(usages);
  return oids;
}

}  // namespace

struct CertificateParser {
  static absl::StatusOr<Certificate> Parse(absl::string_view der) {
    if (der.size() > kMaxCertificateDer) {
      return Unreadable(absl::StrCat(der.size(), " bytes; at most ", kMaxCertificateDer));
    }
    const unsigned char* at = Bytes(der);
    Certificate result;
    result.x509_ =
        std::shared_ptr<X509>(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
    if (result.x509_ == nullptr) return Unreadable(absl::StrCat("not X.509: ", ErrorText()));
    if (at != Bytes(der) + der.size()) return Unreadable("bytes after the end");
    result.der_ = std::string(der);
    NORROY_RETURN_IF_ERROR(Fill(result));
    return result;
  }

 private:
  static absl::Status Fill(Certificate& result) {
    X509* const x509 = result.x509_.get();
    NORROY_ASSIGN_OR_RETURN(result.not_before_, ToTime(X509_get0_notBefore(x509)));
    NORROY_ASSIGN_OR_RETURN(result.not_after_, ToTime(X509_get0_notAfter(x509)));
    result.spki_der_ = ToDer<i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(x509));
    if (result.spki_der_.empty()) return Unreadable("no public key");
    result.serial_ = SerialOf(x509);
    result.fingerprint_ = Hex(Sha256(result.der_));
    result.subject_cn_ = CommonNameOf(X509_get_subject_name(x509));
    result.issuer_cn_ = CommonNameOf(X509_get_issuer_name(x509));
    // Also fills OpenSSL's cache of the extensions, so that later readers need no lock.
    result.is_ca_ = X509_check_ca(x509) != 0;
    const ASN1_OCTET_STRING* const authority = X509_get0_authority_key_id(x509);
    if (authority != nullptr) result.authority_key_id_ = std::string(StringOf(authority));
    result.claims_ca_ = result.is_ca_ || (X509_get_extension_flags(x509) & EXFLAG_CA) != 0;
    AlternativeNames alternatives = ReadAlternativeNames(x509);
    result.names_ = std::move(alternatives.names);
    result.uris_ = std::move(alternatives.uris);
    result.names_clean_ = alternatives.clean;
    result.ekus_ = ExtendedKeyUsages(x509);
    return absl::OkStatus();
  }
};

absl::StatusOr<Certificate> Certificate::ParseDer(absl::string_view der) {
  ErrorScope scope;
  return CertificateParser::Parse(der);
}

absl::StatusOr<Certificate> Certificate::ParsePem(absl::string_view pem) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<PemBlock> blocks, PemDecode(pem));
  for (const PemBlock& block : blocks) {
    if (block.label == "CERTIFICATE") return ParseDer(block.der);
  }
  return Unreadable("no block \"-----BEGIN CERTIFICATE-----\"");
}

std::string Certificate::ToPem() const { return PemEncode("CERTIFICATE", der_); }

std::string Certificate::spki_sha256() const { return Hex(Sha256(spki_der_)); }

bool Certificate::has_eku(absl::string_view oid) const {
  return std::find(ekus_.begin(), ekus_.end(), oid) != ekus_.end();
}

bool Certificate::IsSignedBy(const Certificate& issuer) const {
  ErrorScope scope;
  if (X509_NAME_cmp(X509_get_issuer_name(x509_.get()), X509_get_subject_name(issuer.x509_.get())) !=
      0) {
    return false;
  }
  EVP_PKEY* const key = X509_get0_pubkey(issuer.x509_.get());
  return key != nullptr && X509_verify(x509_.get(), key) == 1;
}

}  // namespace norroy::crypto
