#ifndef NORROY_CLI_DOCTOR_H_
#define NORROY_CLI_DOCTOR_H_

// Would validation pass, and what to do if not: `norroy doctor` and `norroy dns-persist`.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/context.h"
#include "norroy/issuer/v1/doctor_service.pb.h"

namespace norroy::cli {

struct DoctorOptions {
  std::vector<std::string> names;
  std::string ca;
  std::vector<std::string> types;
  bool verbose = false;
};

// Prints what was found. OK only if every rehearsal passed; reason REHEARSAL_FAILED.
absl::Status Doctor(Context& context, const DoctorOptions& options);

struct DnsPersistOptions {
  std::string name;
  std::string ca;
  std::string until;  // "2027-01-31" (its beginning, UTC) or "2027-01-31T12:00:00Z"; empty: no end
};

// Prints the record, and what is published instead or already.
absl::Status DnsPersist(Context& context, const DnsPersistOptions& options);

// One block a name and type, errors first. Without `verbose` nothing of what needs no attention.
std::string RehearsalText(const issuer::v1::RehearseResponse& response, bool verbose);

// A TXT record in the form of a zone's master file (RFC 1035 5.1): strings of at most 255 bytes,
// quoted.
std::string TxtRecordText(absl::string_view owner, absl::string_view value);

}  // namespace norroy::cli

#endif  // NORROY_CLI_DOCTOR_H_
