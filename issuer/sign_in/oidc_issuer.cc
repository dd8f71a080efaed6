#include "issuer/sign_in/oidc_issuer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/directory.h"
#include "issuer/sign_in/json.h"

namespace norroy::sign_in {
namespace {

constexpr size_t kMaxDiscovery = 64 * 1024;
// Two of these come before the door's own deadline.
constexpr absl::Duration kFetchTimeout = absl::Seconds(4);

absl::Status NoKeys(absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, "NO_KEYS", message);
}

}  // namespace

absl::Status CheckIssuerUrls(const OidcIssuerOptions& options) {
  const auto hosts = acme::UrlPolicy::Make(options.rules.issuer, options.extra_hosts);
  if (!hosts.ok()) return WithContext(hosts.status(), "issuer");
  if (options.jwks_url.empty()) return absl::OkStatus();
  // The operator wrote it: any host, but https.
  return WithContext(acme::UrlPolicy::Make(options.jwks_url, {}).status(), "jwks_url");
}

absl::StatusOr<VerifiedJwt> OidcIssuer::Verify(const ParsedJwt& token) {
  NORROY_ASSIGN_OR_RETURN(const Keys keys, KeysFor(token.kid));
  return VerifyJwt(token, options_.rules, *keys, clock_.Now());
}

bool OidcIssuer::MayFetch() {
  return !try_time_.has_value() || clock_.Monotonic() - *try_time_ >= kFetchPause;
}

bool OidcIssuer::WantsFetch(const std::string& kid) {
  return keys_ == nullptr || clock_.Monotonic() - *keys_time_ >= kKeysFresh ||
         keys_->Find(kid).empty();
}

absl::StatusOr<OidcIssuer::Keys> OidcIssuer::KeysFor(const std::string& kid) {
  MutexLock lock(&mutex_);
  // Somebody else is at it: the answer may be what we need. Who has a key does not wait.
  while (fetching_ && (keys_ == nullptr || keys_->Find(kid).empty())) {
    fetched_.WaitFor(&mutex_, kFetchTimeout);
  }
  if (!fetching_ && WantsFetch(kid) && MayFetch()) Refresh();
  if (keys_ == nullptr) {
    return NoKeys(absl::StrCat("the keys of ", name(), " could not be fetched yet"));
  }
  if (clock_.Monotonic() - *keys_time_ > kKeysUsable) {
    return NoKeys(absl::StrCat("the keys of ", name(), " could not be fetched for ",
                               absl::FormatDuration(kKeysUsable)));
  }
  return keys_;
}

void OidcIssuer::Refresh() {
  fetching_ = true;
  try_time_ = clock_.Monotonic();
  mutex_.Unlock();
  absl::StatusOr<KeySet> fetched = Fetch();
  mutex_.Lock();
  fetching_ = false;
  if (fetched.ok()) {
    keys_ = std::make_shared<const KeySet>(*std::move(fetched));
    keys_time_ = clock_.Monotonic();
  } else {
    log::Warning("sign_in", "cannot fetch an OIDC issuer's keys",
                 {{"issuer", name()}, {"error", fetched.status().message()}});
  }
  fetched_.SignalAll();
}

absl::StatusOr<KeySet> OidcIssuer::Fetch() const {
  std::string url = options_.jwks_url;
  if (url.empty()) {
    NORROY_ASSIGN_OR_RETURN(url, Discover());
  }
  NORROY_ASSIGN_OR_RETURN(const std::string json, Get(url, kMaxKeySet));
  absl::StatusOr<KeySet> keys = KeySet::Parse(json);
  if (!keys.ok()) return WithContext(keys.status(), Printable(url, 256));
  return keys;
}

// OpenID Connect Discovery 1.0, 4.
absl::StatusOr<std::string> OidcIssuer::Discover() const {
  const std::string url =
      absl::StrCat(absl::StripSuffix(name(), "/"), "/.well-known/openid-configuration");
  NORROY_ASSIGN_OR_RETURN(const std::string json, Get(url, kMaxDiscovery));
  const absl::StatusOr<JsonValue> document = ParseJson(json, kMaxDiscovery);
  if (!document.ok()) return WithContext(document.status(), url);
  const std::string* const issuer = document->FindText("issuer");
  const std::string* const jwks = document->FindText("jwks_uri");
  if (issuer == nullptr || *issuer != name()) {
    return NoKeys(absl::StrCat(
        url, " is of another issuer: ", issuer == nullptr ? "none" : Printable(*issuer, 256)));
  }
  if (jwks == nullptr) return NoKeys(absl::StrCat(url, " has no jwks_uri"));
  NORROY_ASSIGN_OR_RETURN(const acme::UrlPolicy hosts,
                          acme::UrlPolicy::Make(name(), options_.extra_hosts));
  if (!hosts.Check("jwks_uri", *jwks).ok()) {
    return NoKeys(absl::StrCat("jwks_uri ", Printable(*jwks, 256),
                               " is not https at the issuer's own host; if that is right, name "
                               "its host in extra_hosts, or the URL in jwks_url"));
  }
  return *jwks;
}

absl::StatusOr<std::string> OidcIssuer::Get(const std::string& url, size_t max_bytes) const {
  http::Request request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.max_body_bytes = max_bytes;
  request.timeout = kFetchTimeout;
  NORROY_ASSIGN_OR_RETURN(http::Response response, http_.Send(request));
  if (response.status != 200) {
    return NoKeys(absl::StrCat(Printable(url, 256), " answered ", response.status));
  }
  return std::move(response.body);
}

}  // namespace norroy::sign_in
