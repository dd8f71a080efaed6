#ifndef NORROY_TESTS_FAKES_CA_JSON_REPLIES_H_
#define NORROY_TESTS_FAKES_CA_JSON_REPLIES_H_

// What the fake CA's resources share about JSON.

#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/http/client.h"
#include "tests/fakes/ca/ledger.h"
#include "tests/fakes/ca/signed_request.h"

namespace norroy::fakes {

using Json = nlohmann::json;

std::string DateText(absl::Time time);
Json ProblemJson(const ProblemText& problem);
http::Response JsonReply(int status, const Json& json);
// The payload; empty where it is no object.
Json Payload(const SignedRequest& request);
// "" unless it is a string.
std::string StringMember(const Json& object, const char* name);
Json IdentifierJson(const challenge::Name& name, bool with_wildcard);

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_JSON_REPLIES_H_
