#ifndef NORROY_TESTS_FAKES_CA_PROBLEM_REPLY_H_
#define NORROY_TESTS_FAKES_CA_PROBLEM_REPLY_H_

#include <string>

#include "common/http/client.h"

namespace norroy::fakes {

// A problem document of "urn:ietf:params:acme:error:<type>" (RFC 8555 6.7).
http::Response ProblemReply(int status, const std::string& type, const std::string& detail);

// The last part of a reply's problem type; "" where it is no problem.
std::string ProblemTypeOf(const http::Response& reply);

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_PROBLEM_REPLY_H_
