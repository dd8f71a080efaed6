#ifndef NORROY_TESTS_HARNESS_REQUESTER_H_
#define NORROY_TESTS_HARNESS_REQUESTER_H_

// Identities of those who order certificates, beside the operator that `norroy init` makes.

#include <string>

namespace norroy::harness {

// "requester/<name>", as a CI job would have it: of a CI intermediate of the deployment whose
// operator's directory is `dir`. Returns the identity file; it is good for twelve hours.
std::string WriteRequester(const std::string& dir, const std::string& deployment,
                           const std::string& name);

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_REQUESTER_H_
