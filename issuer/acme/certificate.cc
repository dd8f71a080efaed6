#include "issuer/acme/certificate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

struct Download {
  std::string pem;
  std::vector<std::string> alternates;
};

absl::StatusOr<Download> DownloadOne(Exchange& exchange, const std::string& url,
                                     absl::Duration deadline) {
  Call call;
  call.what = "certificate";
  call.url = url;
  // RFC 8555 9.1.
  call.accept = "application/pem-certificate-chain";
  call.max_body_bytes = crypto::kMaxChainBytes;
  call.deadline = deadline;
  NORROY_ASSIGN_OR_RETURN(http::Response reply, exchange.Post(call));
  if (!absl::StrContains(reply.body, "-----BEGIN CERTIFICATE-----")) {
    return CaProtocolError(
        absl::StrCat("certificate ", url),
        absl::StrCat("not a PEM chain (content type \"",
                     Printable(reply.Header("Content-Type"), 100), "\"); it begins \"",
                     Printable(absl::string_view(reply.body).substr(0, 512)), "\""));
  }
  // RFC 8555 7.4.2: links to chains with other roots.
  return Download{std::move(reply.body), http::LinkTargets(reply, "alternate")};
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DownloadChains(Exchange& exchange, const std::string& url,
                                                        absl::Duration deadline) {
  NORROY_ASSIGN_OR_RETURN(Download first, DownloadOne(exchange, url, deadline));
  std::vector<std::string> chains = {std::move(first.pem)};
  std::vector<std::string> asked = {url};
  for (const std::string& alternate : first.alternates) {
    if (asked.size() > kMaxAlternateChains) break;
    if (std::find(asked.begin(), asked.end(), alternate) != asked.end()) continue;
    asked.push_back(alternate);
    absl::StatusOr<Download> download = DownloadOne(exchange, alternate, deadline);
    if (download.ok()) chains.push_back(std::move(download->pem));
  }
  return chains;
}

}  // namespace norroy::acme
