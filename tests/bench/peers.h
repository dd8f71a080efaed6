#ifndef NORROY_TESTS_BENCH_PEERS_H_
#define NORROY_TESTS_BENCH_PEERS_H_

// Other ACME clients from Debian's packages, as their users run them: a process for each
// certificate, HTTP-01, the account in place.

#include <optional>
#include <string>

#include "tests/bench/report.h"

namespace norroy::bench {

// "lego", "certbot": how long each of `runs` certificates for so many names took, against a Pebble
// without sleeps. Unset: it is not installed.
std::optional<Times> MeasurePeer(const std::string& peer, int names, int runs);

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_PEERS_H_
