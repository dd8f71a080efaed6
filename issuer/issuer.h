#ifndef NORROY_ISSUER_ISSUER_H_
#define NORROY_ISSUER_ISSUER_H_

// A whole issuer: its parts, built bottom-up from checked settings, running until Stop.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sql/schema.h"
#include "issuer/settings.h"

namespace norroy {

class Issuer {
 public:
  // Of its database.
  static sql::Schema Schema();
  // Serves when it returns. `version`: "norroy-issuer 0.1.0". The clock outlives the issuer.
  static absl::StatusOr<std::unique_ptr<Issuer>> Start(IssuerSettings settings,
                                                       const std::string& version, Clock& clock);
  // Stops, if that was not done.
  virtual ~Issuer() = default;

  virtual const std::vector<int>& ports() const = 0;
  // Lets calls end for `grace`, cancels the rest. Once.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace norroy

#endif  // NORROY_ISSUER_ISSUER_H_
