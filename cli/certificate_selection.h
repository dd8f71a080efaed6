#ifndef NORROY_CLI_CERTIFICATE_SELECTION_H_
#define NORROY_CLI_CERTIFICATE_SELECTION_H_

// Which certificates of a list are meant: "all of web's at this CA for names under example.com".

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::cli {

// As given on the command line; empty: any.
struct SelectionOptions {
  std::string name;        // exactly: "www.example.com", "*.example.com", "192.0.2.1"
  std::string under;       // this domain or any name below it
  std::string serial;      // hexadecimal
  std::string public_key;  // SHA-256 of the SubjectPublicKeyInfo in hexadecimal, or a certificate's
                           // file
  std::string ca;
  std::string creator;              // "requester/web"
  std::vector<std::string> labels;  // "team=web"

  bool empty() const;
};

class Selection {
 public:
  // INVALID_ARGUMENT, reason BAD_USAGE: the option that cannot be meant, and what it takes.
  static absl::StatusOr<Selection> Parse(const SelectionOptions& options);

  // Every criterion holds, and it still counts: neither revoked nor over at `now`.
  bool Has(const issuer::v1::Certificate& certificate, absl::Time now) const;

 private:
  std::string name_;
  std::string under_;
  std::string serial_;
  std::string public_key_sha256_;
  std::string ca_;
  std::string creator_;
  std::map<std::string, std::string> labels_;
};

// Neither revoked nor over at `now`.
bool Counts(const issuer::v1::Certificate& certificate, absl::Time now);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERTIFICATE_SELECTION_H_
