#ifndef NORROY_ISSUER_ACME_PROBLEM_H_
#define NORROY_ISSUER_ACME_PROBLEM_H_

// Problem documents (RFC 7807, RFC 8555 6.7) as the CA's words on what went wrong.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/client.h"

namespace norroy::acme {

class JsonObject;

struct Subproblem {
  std::string type;
  std::string detail;
  std::string identifier_type;  // "dns", "ip", ""
  std::string identifier_value;
};

// Texts are printable and capped (1 KiB; 100 subproblems).
struct Problem {
  std::string type;  // "urn:ietf:params:acme:error:badNonce"; "about:blank" if absent
  std::string detail;
  int status = 0;
  // RFC 8555 6.7: where a human does what userActionRequired asks for.
  std::string instance;
  std::vector<Subproblem> subproblems;
  // RFC 8555 6.6: from the reply's Retry-After, if it had one.
  std::optional<absl::Time> retry_after;

  // The last part of an ACME type: "badNonce"; "" for others.
  absl::string_view acme_type() const;
  // "rateLimited: too many ... (www.example.com: ...)".
  std::string ToString() const;
};

// A status with the problem as payload. Codes: rateLimited and 429 RESOURCE_EXHAUSTED, reason
// CA_RATE_LIMITED; 5xx and serverInternal UNAVAILABLE, reason CA_UNAVAILABLE; accountDoesNotExist
// and unauthorized PERMISSION_DENIED; userActionRequired FAILED_PRECONDITION; rejectedIdentifier,
// malformed, badCSR, ... INVALID_ARGUMENT; everything else FAILED_PRECONDITION, reason CA_REFUSED.
// What only a human can lift says so: names that the CA has paused are FAILED_PRECONDITION, reason
// CA_PAUSED, with the address in the metadata "visit"; an account that the CA does not take any
// more (unknown, deactivated) has reason ACCOUNT_REFUSED; new terms of service and the like
// USER_ACTION_REQUIRED, with "visit".
// Metadata: "acme_type", "retry_at" (RFC 3339) where the CA named a time.
absl::Status ToStatus(const Problem& problem);
// As an error's metadata say it ("retry_at"), in whole seconds: never before `time`, which would be
// before what the CA asked for.
std::string RetryAtText(absl::Time time);

// What a reply of status 400 and above says. Total: a body that is no problem document (a proxy's
// HTML page) becomes "about:blank" with the first 512 bytes as its detail.
Problem ProblemOfReply(const http::Response& reply, absl::Time now);
// The `error` of an order or challenge. Total: members of wrong types read as absent.
Problem ReadProblem(const JsonObject& object);

// The problem that a status carries.
std::optional<Problem> ProblemOf(const absl::Status& status);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_PROBLEM_H_
