#ifndef NORROY_COMMON_CRYPTO_CSR_CORPUS_H_
#define NORROY_COMMON_CRYPTO_CSR_CORPUS_H_

// CSRs good and bad, each with its verdict: keys, signatures, structure, names. For tests.

#include <string>
#include <vector>

namespace norroy::crypto {

struct CsrCase {
  std::string label;
  std::string input;               // PEM or DER
  std::string error;               // a part of the message; empty: accepted
  std::vector<std::string> names;  // of an accepted one, sorted as text
};

// Made once per process.
const std::vector<CsrCase>& CsrCorpus();

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CSR_CORPUS_H_
