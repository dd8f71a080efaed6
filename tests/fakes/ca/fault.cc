#include "tests/fakes/ca/fault.h"

#include "tests/fakes/ca/problem_reply.h"

namespace norroy::fakes {
namespace {

Fault Of(Fault::Kind kind) {
  Fault fault;
  fault.kind = kind;
  return fault;
}

}  // namespace

Fault Fault::BadNonce() { return Of(Kind::kBadNonce); }

Fault Fault::BadNonceWithoutNonce() {
  Fault fault = BadNonce();
  fault.omit_nonce = true;
  return fault;
}

Fault Fault::NotSent() { return Of(Kind::kNotSent); }
Fault Fault::TlsRefused() { return Of(Kind::kTlsRefused); }
Fault Fault::LostRequest() { return Of(Kind::kLostRequest); }
Fault Fault::LostReply() { return Of(Kind::kLostReply); }
Fault Fault::Endless() { return Of(Kind::kEndless); }
Fault Fault::Half() { return Of(Kind::kHalf); }

Fault Fault::Slow(absl::Duration takes) {
  Fault fault = Of(Kind::kSlow);
  fault.takes = takes;
  return fault;
}

Fault Fault::Problem(int status, const std::string& type, const std::string& detail,
                     const std::string& retry_after) {
  Fault fault;
  fault.response = ProblemReply(status, type, detail);
  if (!retry_after.empty()) fault.response.headers.emplace_back("Retry-After", retry_after);
  return fault;
}

Fault Fault::Reply(int status, const std::string& content_type, const std::string& body) {
  Fault fault;
  fault.response.status = status;
  fault.response.headers = {{"Content-Type", content_type}};
  fault.response.body = body;
  return fault;
}

Fault Fault::With(const std::string& header, const std::string& value) const {
  Fault fault = *this;
  fault.response.headers.emplace_back(header, value);
  return fault;
}

Fault Fault::AfterActing() const {
  Fault fault = *this;
  fault.act_first = true;
  return fault;
}

}  // namespace norroy::fakes
