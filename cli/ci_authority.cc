#include "cli/ci_authority.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "cli/result.pb.h"
#include "cli/text.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {

absl::Status IdentityCiAuthority(Context& context, const std::string& out) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile authority,
                          CiAuthority(dir, context.clock().Now()));
  std::error_code error;
  const std::string file = out.empty() ? absl::StrCat(dir, "/", layout::kIssuerCiAuthority)
                                       : std::filesystem::absolute(out, error).string();
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(file, authority));
  IdentityRecord record;
  record.set_principal("ci-ca");
  record.set_serial(authority.chain[0].serial());
  *record.mutable_not_after() = ToProto(authority.chain[0].not_after());
  record.set_file(file);
  context.output().Object(record, {{"until", TimeText(record.not_after())}, {"file", file}});
  return absl::OkStatus();
}

}  // namespace norroy::cli
