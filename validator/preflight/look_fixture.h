#ifndef NORROY_VALIDATOR_PREFLIGHT_LOOK_FIXTURE_H_
#define NORROY_VALIDATOR_PREFLIGHT_LOOK_FIXTURE_H_

// A viewpoint with DNS in memory and loopback open, and proofs to look at. For tests.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/challenge/proof.h"
#include "common/clock/clock.h"
#include "common/dns/fake_client.h"
#include "validator/preflight/address_guard.h"
#include "validator/preflight/crew.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

inline challenge::Proof TestProof(absl::string_view name, challenge::ChallengeType type) {
  const challenge::Token token = challenge::Token::Parse("token-of-the-test").value();
  return {challenge::Name::Parse(name).value(), type, token,
          challenge::KeyAuthorization::Make(token, std::string(43, 'A')).value()};
}

inline Address TestAddress(absl::string_view text) { return Address::Parse(text).value(); }

// "PORT_CLOSED ADDRESSES", errors first.
inline std::string CodesOf(const Sight& sight) {
  std::string codes;
  for (const Finding& finding : sight.findings()) {
    absl::StrAppend(&codes, codes.empty() ? "" : " ", finding.code);
  }
  return codes;
}

// All that a human would read.
inline std::string TextOf(const Sight& sight) {
  std::string text;
  for (const Finding& finding : sight.findings()) {
    absl::StrAppend(&text, finding.code, ": ", finding.message, " [", finding.advice, "]\n");
  }
  return text;
}

// A minute in six seconds: for what waits for somebody who never answers.
class FastClock final : public Clock {
 public:
  absl::Time Now() override { return clock_.Now(); }
  absl::Duration Monotonic() override { return 10 * clock_.Monotonic(); }

 private:
  SystemClock clock_;
};

class LookFixture {
 public:
  explicit LookFixture(std::vector<Network> allowed = {Network::Parse("127.0.0.0/8").value(),
                                                       Network::Parse("::1/128").value()})
      : guard_(std::move(allowed)) {}

  Viewpoint viewpoint() { return {dns_, resolvers_, guard_, ports_, clock_, crew_}; }
  Deadline Soon() { return Deadline(clock_, absl::Seconds(12)); }

  dns::FakeClient dns_;
  std::vector<dns::Server> resolvers_ = {dns::TestServer("192.0.2.1:53")};
  Ports ports_;

 private:
  const AddressGuard guard_;
  SystemClock clock_;
  Crew crew_{8};
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_LOOK_FIXTURE_H_
