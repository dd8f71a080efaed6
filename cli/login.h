#ifndef NORROY_CLI_LOGIN_H_
#define NORROY_CLI_LOGIN_H_

// `norroy login`: a token against a client certificate, at the issuer's sign-in door.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct LoginOptions {
  // One of the two.
  std::string oidc_token_file;
  std::string token_file;  // a static API token; mode 0600
  std::string door;        // "host:port"
  std::string out;         // empty: where the CLI looks for its identity
};

// Makes a key in memory, has its certificate made, and writes both to one file of mode 0600. In a
// directory without norroy.yaml it writes that, too, so that the next command finds everything.
absl::Status Login(Context& context, const LoginOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_LOGIN_H_
