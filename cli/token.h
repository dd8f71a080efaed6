#ifndef NORROY_CLI_TOKEN_H_
#define NORROY_CLI_TOKEN_H_

// `norroy token ...`: static API tokens, for who signs in without an OIDC token.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct ApiTokenCreateOptions {
  std::string principal;
  std::string expires = "30d";
};

// Prints the token, the one time that it is ever shown.
absl::Status ApiTokenCreate(Context& context, const ApiTokenCreateOptions& options);
absl::Status ApiTokenList(Context& context);
absl::Status ApiTokenDelete(Context& context, const std::string& id);

}  // namespace norroy::cli

#endif  // NORROY_CLI_TOKEN_H_
