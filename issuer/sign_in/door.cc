#include "issuer/sign_in/door.h"

#include <optional>
#include <utility>

#include "common/status_macros.h"

namespace norroy::sign_in {
namespace {

std::optional<HttpsReply> Judge(const HttpHead& head) {
  if (head.path != kSignInPath) {
    return HttpsReply{404,
                      SignInErrorJson("NOT_FOUND", "here is POST /v1/sign-in and nothing else")};
  }
  if (head.method != "POST") {
    return HttpsReply{405, SignInErrorJson("BAD_METHOD", "POST is the only method")};
  }
  if (!head.has_length) {
    return HttpsReply{400, SignInErrorJson("BAD_REQUEST", "Content-Length is missing")};
  }
  return std::nullopt;
}

std::string RefusalOf(int status) {
  switch (status) {
    case 413:
      return SignInErrorJson("TOO_LARGE", "the body must have at most 16 KiB");
    case 429:
      return SignInErrorJson("TOO_MANY_REQUESTS",
                             "too many sign-ins from this address; Retry-After says when again");
    case 503:
      return SignInErrorJson("BUSY", "too many sign-ins at once; try again");
    default:
      return SignInErrorJson("BAD_REQUEST", "this is no HTTP/1.1 request that is taken here");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Start(const DoorOptions& options) {
  const Settings& settings = options.settings;
  std::unique_ptr<Door> door(new Door);
  std::vector<std::unique_ptr<OidcIssuer>> issuers;
  for (const OidcSettings& oidc : settings.oidc) {
    NORROY_ASSIGN_OR_RETURN(std::unique_ptr<http::Client> client, options.new_http(oidc.root_file));
    issuers.push_back(std::make_unique<OidcIssuer>(oidc.options, *client, options.clock));
    door->clients_.push_back(std::move(client));
  }
  door->sign_in_ = std::make_unique<SignIn>(SignInOptions{
      .issuers = std::move(issuers),
      .authority = CiAuthority(settings.ci_ca_file, settings.deployment, settings.lifetime),
      .tokens = options.tokens,
      .clock = options.clock,
      .audit = options.audit,
      .refused = options.refused});
  HttpsServerOptions server;
  server.listen = settings.listen;
  server.tls_file = settings.tls_file;
  server.requests_per_minute = settings.requests_per_minute;
  server.connections_per_minute = 4 * settings.requests_per_minute;
  server.judge = Judge;
  server.handle = [sign_in = door->sign_in_.get()](const HttpsRequest& request) {
    return sign_in->Handle(request);
  };
  server.refuse = RefusalOf;
  NORROY_ASSIGN_OR_RETURN(door->server_, HttpsServer::Start(std::move(server), options.clock));
  return door;
}

}  // namespace norroy::sign_in
