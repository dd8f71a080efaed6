#ifndef NORROY_TESTS_FAKES_CA_FAULT_H_
#define NORROY_TESTS_FAKES_CA_FAULT_H_

// What goes wrong with a request to the fake CA, and with which requests it does:
//
//   ca.Script(Endpoint::kFinalize, Fault::LostReply());           // the next one
//   ca.ScriptAt(Endpoint::kFinalize, Calls::Nth(3), Fault::Problem(500, "serverInternal", ""));
//   ca.ScriptAt(Endpoint::kNewNonce, Calls::Every(2), Fault::Stall());
//
// What a connection does (reset, stall, slow, endless) shows as http::Client promises it; that
// libcurl keeps that promise, common/http tests against a real server.

#include <string>

#include "absl/time/time.h"
#include "common/http/client.h"

namespace norroy::fakes {

enum class Endpoint {
  kDirectory,
  kNewNonce,
  kNewAccount,
  kAccount,
  kNewOrder,
  kOrder,
  kAuthorization,  // reading and deactivating
  kChallenge,
  kFinalize,
  kCertificate,
  kRevoke,
  kKeyChange,
  kRenewalInfo,
  kOther,
};

struct Fault {
  enum class Kind {
    kReply,        // `response` instead of the CA's own
    kBadNonce,     // RFC 8555 6.5, with a fresh nonce
    kNotSent,      // transport error "sent" = "no": the CA never saw it
    kTlsRefused,   // the same, because the CA's certificate or host is wrong
    kLostRequest,  // transport error "sent" = "maybe": the CA never saw it
    kLostReply,    // transport error "sent" = "maybe": the CA did what was asked
    kEndless,      // the CA did it, its reply is over every cap
    kHalf,         // the CA did it, the second half of the body is missing
    kSlow,         // the CA's own reply, after `takes`
  };
  Kind kind = Kind::kReply;
  http::Response response;
  bool act_first = false;   // kReply: do what was asked, then answer `response`
  bool omit_nonce = false;  // kReply, kBadNonce: no Replay-Nonce header
  // How long until the reply is complete. Longer than the request's timeout: DEADLINE_EXCEEDED when
  // that is over, and the CA did what was asked.
  absl::Duration takes = absl::ZeroDuration();

  static Fault BadNonce();
  static Fault BadNonceWithoutNonce();
  static Fault NotSent();
  static Fault TlsRefused();
  static Fault LostRequest();
  static Fault LostReply();
  static Fault Endless();
  static Fault Half();
  static Fault Slow(absl::Duration takes);
  static Fault Stall() { return Slow(absl::InfiniteDuration()); }
  // A problem document of "urn:ietf:params:acme:error:<type>"; `retry_after` as the header says it,
  // "" for none.
  static Fault Problem(int status, const std::string& type, const std::string& detail,
                       const std::string& retry_after = "");
  static Fault Reply(int status, const std::string& content_type, const std::string& body);
  // The same with a further header or with the request acted upon.
  Fault With(const std::string& header, const std::string& value) const;
  Fault AfterActing() const;
};

// Some of the requests to an endpoint, counted from 1 when the script begins.
struct Calls {
  int first = 1;
  int every = 1;      // `first`, and each `every`th from there
  int times = 0;      // at most; 0: without end
  int percent = 100;  // of those, by the CA's seed

  static Calls Nth(int n) { return {n, 1, 1, 100}; }
  static Calls Every(int n) { return {n, n, 0, 100}; }
  static Calls All() { return {}; }
  static Calls Share(int percent) { return {1, 1, 0, percent}; }
};

// How an issued certificate differs from what was asked.
enum class CertificateFault {
  kNone,
  kWrongKey,
  kExtraName,
  kMissingName,
  kOtherName,
  kOnlyCommonName,  // no subjectAltName
  kExpired,
  kNotYetValid,  // begins in 3 days
  kTenYears,
  kIsCa,
  kNoServerAuth,  // clientAuth only
  kNoIntermediate,
  kBrokenLink,           // the intermediate is not the issuer
  kExpiredIntermediate,  // the right one, but over
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_FAULT_H_
