#ifndef NORROY_CLI_KNOWN_CAS_H_
#define NORROY_CLI_KNOWN_CAS_H_

// Public CAs that `norroy init --ca` knows by a name; every other is given by its directory's URL.
// docs/cas.md says more of each.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::cli {

struct KnownCa {
  absl::string_view name;
  absl::string_view title;
  absl::string_view directory_url;
  // Where its external account binding is had (RFC 8555 7.3.4); empty: it wants none.
  absl::string_view eab_from = {};
  bool staging = false;
};

const std::vector<KnownCa>& KnownCas();
// Null: none is called so.
const KnownCa* FindKnownCa(absl::string_view name);
// "letsencrypt, letsencrypt-staging, ...".
std::string KnownCaNames();

}  // namespace norroy::cli

#endif  // NORROY_CLI_KNOWN_CAS_H_
