#ifndef NORROY_COMMON_CRYPTO_CSR_EXTENSIONS_H_
#define NORROY_COMMON_CRYPTO_CSR_EXTENSIONS_H_

// The extensions that a CSR asks for (RFC 5280 4.2). For this folder.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"

namespace norroy::crypto {

// `extensions` is the content of an Extensions SEQUENCE that CheckDer has seen. Refused: one
// extension twice, unknown critical ones, CA:TRUE, keyCertSign and cRLSign, and in the
// subjectAltName anything but 1 to kMaxNamesPerOrder names of dNSName and iPAddress. The names come
// sorted and without duplicates; nullopt if there is no subjectAltName.
absl::StatusOr<std::optional<std::vector<challenge::Name>>> NamesOfExtensions(
    absl::string_view extensions);

// A host name as the order at the CA will write it, but for case: no address, no trailing dot.
absl::StatusOr<challenge::Name> ParseDnsName(absl::string_view text);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CSR_EXTENSIONS_H_
