#include "common/crypto/csr_extensions.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/der.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

// Contents of OBJECT IDENTIFIERs (RFC 5280 4.2.1).
constexpr absl::string_view kKeyUsage = "\x55\x1D\x0F";
constexpr absl::string_view kSubjectAltName = "\x55\x1D\x11";
constexpr absl::string_view kBasicConstraints = "\x55\x1D\x13";
constexpr absl::string_view kExtendedKeyUsage = "\x55\x1D\x25";

// GeneralName's choices (RFC 5280 4.2.1.6).
constexpr uint8_t kDnsNameTag = 0x82;
constexpr uint8_t kIpAddressTag = 0x87;

// KeyUsage bits 5 and 6 (RFC 5280 4.2.1.3), counted from the highest of the first octet.
constexpr uint8_t kSigningBits = 0x06;

absl::Status Bad(absl::string_view message) { return absl::InvalidArgumentError(message); }

struct Extension {
  absl::string_view oid;
  bool critical = false;
  absl::string_view value;  // content of the OCTET STRING
};

absl::StatusOr<Extension> ReadExtension(DerReader& extensions) {
  NORROY_ASSIGN_OR_RETURN(const DerElement whole, extensions.Expect(kDerSequence, "an extension"));
  DerReader reader(whole.content);
  Extension extension;
  NORROY_ASSIGN_OR_RETURN(const DerElement oid, reader.Expect(kDerOid, "an extension's type"));
  extension.oid = oid.content;
  if (reader.NextIs(kDerBoolean)) {
    NORROY_ASSIGN_OR_RETURN(const DerElement critical, reader.Next());
    // X.690 11.5: a default value is not written.
    if (critical.content[0] == '\0') return Bad("not DER: an extension says critical = FALSE");
    extension.critical = true;
  }
  NORROY_ASSIGN_OR_RETURN(const DerElement value,
                          reader.Expect(kDerOctetString, "an extension's value"));
  if (!reader.empty()) return Bad("bytes after an extension");
  extension.value = value.content;
  return extension;
}

absl::Status CheckBasicConstraints(absl::string_view value) {
  NORROY_RETURN_IF_ERROR(CheckDer(value));
  NORROY_ASSIGN_OR_RETURN(const DerElement sequence,
                          DerReader(value).Expect(kDerSequence, "basicConstraints"));
  if (sequence.content.empty()) return absl::OkStatus();
  return Bad("basicConstraints asks for more than CA:FALSE; leave the extension out");
}

absl::Status CheckKeyUsage(absl::string_view value) {
  NORROY_RETURN_IF_ERROR(CheckDer(value));
  NORROY_ASSIGN_OR_RETURN(const DerElement bits,
                          DerReader(value).Expect(kDerBitString, "keyUsage"));
  if (bits.content.size() > 1 && (static_cast<uint8_t>(bits.content[1]) & kSigningBits) != 0) {
    return Bad("keyUsage asks for keyCertSign or cRLSign, which only a CA may have");
  }
  return absl::OkStatus();
}

absl::StatusOr<challenge::Name> ParseAddress(absl::string_view address) {
  if (address.size() != 4 && address.size() != 16) {
    return Bad(absl::StrCat("an iPAddress of ", address.size(), " bytes, not 4 or 16"));
  }
  char text[INET6_ADDRSTRLEN];
  NORROY_CHECK(inet_ntop(address.size() == 4 ? AF_INET : AF_INET6, address.data(), text,
                         sizeof(text)) != nullptr);
  return challenge::Name::Parse(text);
}

absl::StatusOr<challenge::Name> ParseGeneralName(const DerElement& entry) {
  switch (entry.tag) {
    case kDnsNameTag:
      return ParseDnsName(entry.content);
    case kIpAddressTag:
      return ParseAddress(entry.content);
    default:
      return Bad(absl::StrCat("an entry of kind [", entry.tag & 0x1F,
                              "]; only dNSName [2] and iPAddress [7] can be certified"));
  }
}

absl::StatusOr<std::vector<challenge::Name>> ReadSubjectAltName(absl::string_view value) {
  NORROY_RETURN_IF_ERROR(CheckDer(value));
  NORROY_ASSIGN_OR_RETURN(const DerElement sequence,
                          DerReader(value).Expect(kDerSequence, "subjectAltName"));
  std::vector<challenge::Name> names;
  DerReader reader(sequence.content);
  for (int place = 1; !reader.empty(); ++place) {
    if (place > challenge::kMaxNamesPerOrder) {
      return Bad(absl::StrCat("more than ", challenge::kMaxNamesPerOrder, " names"));
    }
    NORROY_ASSIGN_OR_RETURN(const DerElement entry, reader.Next());
    absl::StatusOr<challenge::Name> name = ParseGeneralName(entry);
    if (!name.ok()) {
      return WithContext(name.status(), absl::StrCat("subjectAltName, entry ", place));
    }
    names.push_back(*std::move(name));
  }
  if (names.empty()) return Bad("the subjectAltName is empty");
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

absl::StatusOr<challenge::Name> ParseDnsName(absl::string_view text) {
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, challenge::Name::Parse(text));
  if (name.identifier().type() != challenge::IdentifierType::kDns) {
    return Bad(absl::StrCat("the address ", name.text(), " is written as a host name; put it into ",
                            "the subjectAltName as an iPAddress (IP:", name.text(), ")"));
  }
  // A CA compares with the order's text, and does not take a dot away.
  if (!absl::EqualsIgnoreCase(name.text(), text)) {
    return Bad(absl::StrCat("\"", Printable(text, 256), "\": write it as ", name.text()));
  }
  return name;
}

absl::StatusOr<std::optional<std::vector<challenge::Name>>> NamesOfExtensions(
    absl::string_view extensions) {
  std::optional<std::vector<challenge::Name>> names;
  std::set<absl::string_view> seen;
  DerReader reader(extensions);
  while (!reader.empty()) {
    NORROY_ASSIGN_OR_RETURN(const Extension extension, ReadExtension(reader));
    if (!seen.insert(extension.oid).second) {
      return Bad(absl::StrCat("the extension ", OidText(extension.oid), " is there twice"));
    }
    if (extension.oid == kSubjectAltName) {
      NORROY_ASSIGN_OR_RETURN(names, ReadSubjectAltName(extension.value));
    } else if (extension.oid == kBasicConstraints) {
      NORROY_RETURN_IF_ERROR(CheckBasicConstraints(extension.value));
    } else if (extension.oid == kKeyUsage) {
      NORROY_RETURN_IF_ERROR(CheckKeyUsage(extension.value));
    } else if (extension.critical && extension.oid != kExtendedKeyUsage) {
      return Bad(absl::StrCat("unknown critical extension ", OidText(extension.oid),
                              "; leave it out or make it not critical"));
    }
  }
  return names;
}

}  // namespace norroy::crypto
