#ifndef NORROY_TESTS_FAKES_CA_RECORDS_H_
#define NORROY_TESTS_FAKES_CA_RECORDS_H_

// What the fake CA remembers, for tests to look at.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/fakes/ca/fault.h"

namespace norroy::fakes {

struct RequestRecord {
  Endpoint endpoint;
  std::string method;
  std::string url;
  std::string payload;  // of the JWS, decoded; "" for POST-as-GET
  int status = 0;       // of the reply; 0: a transport error
  std::string problem;  // "badNonce" where the reply was a problem
  absl::Time time;
};

struct OrderRecord {
  std::string url;
  std::string status;  // "pending", "ready", "processing", "valid", "invalid"
  std::string account_url;
  std::string profile;
  std::vector<std::string> names;  // "*.example.com" as such; sorted
  std::vector<std::string> authorizations;
  int handed_out = 0;           // by how many newOrder requests
  int finalizes = 0;            // accepted ones
  std::string certificate_pem;  // the default chain
  std::string replaces;         // the id of the certificate that it replaces
  bool exempt = false;          // from rate limits: a replacement inside the suggested window
};

struct AuthorizationRecord {
  std::string url;
  std::string name;  // "*.example.com" as such
  std::string status;
  std::string token;
  int attempts = 0;  // how often the CA looked
};

struct CertificateRecord {
  std::string id;  // RFC 9773 4.1: what renewalInfo and `replaces` call it
  std::string url;
  std::vector<std::string> names;
  std::string account_url;
  std::string profile;
  absl::Time not_before, not_after;
  bool revoked = false;
  std::string replaced_by;  // an order's URL
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_RECORDS_H_
