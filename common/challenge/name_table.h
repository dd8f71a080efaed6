#ifndef NORROY_COMMON_CHALLENGE_NAME_TABLE_H_
#define NORROY_COMMON_CHALLENGE_NAME_TABLE_H_

// The verdict on some three hundred names, written out once for everything that takes names:
// identifiers, patterns, CSRs, certificates and the API run over the same rows. For tests.

#include <string>
#include <vector>

namespace norroy::challenge {

struct NameCase {
  std::string input;
  // What Name::Parse makes of it; empty: refused.
  std::string normal;
  // A part of the error's message; empty: accepted.
  std::string error;
};

// Good and bad names; no input twice.
std::vector<NameCase> NameTable();

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_NAME_TABLE_H_
