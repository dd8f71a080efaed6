#include "cli/warm.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/warm_name_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::WarmName;
using WarmNames = issuer::v1::WarmNameService;

absl::StatusOr<std::unique_ptr<WarmNames::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return WarmNames::NewStub(channel);
}

const std::vector<std::string>& Header() {
  static const auto* const header = new std::vector<std::string>{
      "NAME", "CA", "PROFILE", "STATE", "VALID UNTIL", "NEXT PROOF", "CREATOR", "ERROR"};
  return *header;
}

std::vector<std::string> Row(const WarmName& name) {
  return {name.name(),
          name.ca(),
          name.profile().empty() ? "-" : name.profile(),
          EnumText(name.state()),
          TimeText(name.valid_until()),
          TimeText(name.next_proof_time()),
          name.creator(),
          name.error_reason()};
}

}  // namespace

absl::Status WarmAdd(Context& context, const WarmOptions& options) {
  issuer::v1::AddWarmNamesRequest request;
  for (const std::string& name : options.names) request.add_names(name);
  request.set_ca(options.ca);
  request.set_profile(options.profile);
  NORROY_ASSIGN_OR_RETURN(const auto names, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*names, &WarmNames::Stub::AddWarmNames, request));
  List list(context.output(), Header());
  for (const WarmName& name : response.warm_names()) list.Add(name, Row(name));
  list.Finish();
  return absl::OkStatus();
}

absl::Status WarmList(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto names, Connect(context));
  issuer::v1::ListWarmNamesRequest request;
  List list(context.output(), Header());
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*names, &WarmNames::Stub::ListWarmNames, request));
    for (const WarmName& name : response.warm_names()) list.Add(name, Row(name));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

absl::Status WarmRemove(Context& context, const WarmOptions& options) {
  issuer::v1::RemoveWarmNamesRequest request;
  for (const std::string& name : options.names) request.add_names(name);
  request.set_ca(options.ca);
  request.set_profile(options.profile);
  NORROY_ASSIGN_OR_RETURN(const auto names, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*names, &WarmNames::Stub::RemoveWarmNames, request));
  context.output().Object(response, {{"removed", absl::StrCat(response.removed())}});
  return absl::OkStatus();
}

}  // namespace norroy::cli
