#ifndef NORROY_ISSUER_SIGN_IN_DOOR_H_
#define NORROY_ISSUER_SIGN_IN_DOOR_H_

// The sign-in door of the issuer: POST /v1/sign-in over HTTPS (https_server.h), for who has no
// certificate yet. Everything else there is 404, every other method 405.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/entry.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "issuer/sign_in/https_server.h"
#include "issuer/sign_in/settings.h"
#include "issuer/sign_in/sign_in.h"
#include "issuer/store/api_tokens.h"

namespace norroy::sign_in {

inline constexpr char kSignInPath[] = "/v1/sign-in";

// The references outlive the door.
struct DoorOptions {
  const Settings& settings;
  store::ApiTokens& tokens;
  Clock& clock;
  // A client that believes the CAs of this file, or the system's if it is empty.
  std::function<absl::StatusOr<std::unique_ptr<http::Client>>(const std::string& root_file)>
      new_http;
  std::function<absl::Status(const audit::Entry&)> audit;
  std::function<void(const audit::Entry&)> refused;
};

class Door {
 public:
  static absl::StatusOr<std::unique_ptr<Door>> Start(const DoorOptions& options);

  const std::vector<int>& ports() const { return server_->ports(); }

 private:
  Door() = default;
  std::vector<std::unique_ptr<http::Client>> clients_;
  std::unique_ptr<SignIn> sign_in_;
  std::unique_ptr<HttpsServer> server_;  // last: it calls the others until it is gone
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_DOOR_H_
