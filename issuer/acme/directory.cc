#include "issuer/acme/directory.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxMetaStrings = 64;
constexpr size_t kMaxTextBytes = 1024;
constexpr absl::string_view kScheme = "https://";

bool IsHost(absl::string_view host) {
  const bool bracketed = host.size() > 4 && host.front() == '[' && host.back() == ']';
  const absl::string_view inner = bracketed ? host.substr(1, host.size() - 2) : host;
  if (inner.empty() || inner.size() > 253) return false;
  return std::all_of(inner.begin(), inner.end(), [bracketed](char c) {
    if (bracketed) return absl::ascii_isxdigit(c) || c == ':' || c == '.';
    return absl::ascii_isalnum(c) || c == '-' || c == '.';
  });
}

// "host" or "host:port" as "host:port" in lower case; "" for anything else.
std::string NormalizeAuthority(absl::string_view authority) {
  const std::string lower = absl::AsciiStrToLower(authority);
  const absl::string_view text = lower;
  absl::string_view host = text;
  int port = 443;
  const size_t colon = text.rfind(':');
  if (colon != absl::string_view::npos && !absl::EndsWith(text, "]")) {
    host = text.substr(0, colon);
    const absl::string_view digits = text.substr(colon + 1);
    const bool decimal = !digits.empty() && digits.size() <= 5 &&
                         std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
    if (!decimal || !absl::SimpleAtoi(digits, &port) || port < 1 || port > 65535) return "";
  }
  return IsHost(host) ? absl::StrCat(host, ":", port) : "";
}

// The normal authority of an https URL without user info, or "" and what is wrong with it.
std::string AuthorityOf(absl::string_view url, absl::string_view& why) {
  if (url.size() > kMaxUrlBytes) {
    why = "it is longer than 2048 bytes";
    return "";
  }
  // RFC 3986 2: what is left out could be read differently by whoever connects.
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    return absl::ascii_isgraph(c) && !absl::StrContains("\"<>\\^`{|}#", absl::string_view(&c, 1));
  });
  if (!plain) {
    why = "it has characters that do not belong in one, or a fragment";
    return "";
  }
  // RFC 8555 6.1: https only.
  if (!absl::StartsWithIgnoreCase(url, kScheme)) {
    why = "it does not begin with https://";
    return "";
  }
  absl::string_view authority = url.substr(kScheme.size());
  authority = authority.substr(0, authority.find_first_of("/?"));
  if (absl::StrContains(authority, "@")) {
    why = "it has user information";
    return "";
  }
  std::string normal = NormalizeAuthority(authority);
  if (normal.empty()) why = "its host or port is malformed";
  return normal;
}

absl::Status ReadMeta(const JsonObject& meta, Directory& directory) {
  NORROY_ASSIGN_OR_RETURN(std::string terms, meta.OptionalString("termsOfService"));
  NORROY_ASSIGN_OR_RETURN(std::string website, meta.OptionalString("website"));
  // For humans: shown, never fetched.
  directory.terms_of_service = Printable(terms, kMaxTextBytes);
  directory.website = Printable(website, kMaxTextBytes);
  NORROY_ASSIGN_OR_RETURN(directory.caa_identities, meta.Strings("caaIdentities", kMaxMetaStrings));
  NORROY_ASSIGN_OR_RETURN(directory.external_account_required,
                          meta.OptionalBool("externalAccountRequired"));
  NORROY_ASSIGN_OR_RETURN(const auto profiles, meta.OptionalObject("profiles"));
  if (!profiles.has_value()) return absl::OkStatus();
  for (const auto& [name, description] : profiles->StringMembers()) {
    if (directory.profiles.size() >= kMaxMetaStrings) break;
    directory.profiles.emplace(name, Printable(description, kMaxTextBytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UrlPolicy> UrlPolicy::Make(absl::string_view directory_url,
                                          const std::vector<std::string>& extra_hosts) {
  UrlPolicy policy;
  absl::string_view why;
  policy.hosts_.push_back(AuthorityOf(directory_url, why));
  if (policy.hosts_.back().empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DIRECTORY_URL",
                     absl::StrCat("the directory URL \"", Printable(directory_url, 200),
                                  "\" cannot be used: ", why));
  }
  for (const std::string& host : extra_hosts) {
    policy.hosts_.push_back(NormalizeAuthority(host));
    if (policy.hosts_.back().empty()) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_EXTRA_HOST",
                       absl::StrCat("the extra host \"", Printable(host, 200),
                                    "\" must be \"host\" or \"host:port\""));
    }
  }
  return policy;
}

absl::Status UrlPolicy::Check(absl::string_view what, absl::string_view url) const {
  absl::string_view why = "its host is neither the directory's nor one of extra_hosts";
  const std::string authority = AuthorityOf(url, why);
  const bool known = std::find(hosts_.begin(), hosts_.end(), authority) != hosts_.end();
  if (!authority.empty() && known) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "CA_URL_REFUSED",
                   absl::StrCat("the CA's URL of ", what, " is not followed: \"",
                                Printable(url, 300), "\": ", why),
                   {{"url", Printable(url, 300)}});
}

absl::StatusOr<Directory> Directory::Parse(absl::string_view json, const UrlPolicy& urls) {
  NORROY_ASSIGN_OR_RETURN(const JsonObject object,
                          JsonObject::Parse("directory", json, kMaxDirectoryBytes));
  Directory directory;
  // RFC 8555 7.1.1: the resources; a CA leaves out what it does not offer.
  const struct {
    const char* name;
    std::string* url;
    bool required;
  } resources[] = {
      {"newNonce", &directory.new_nonce, true},    {"newAccount", &directory.new_account, true},
      {"newOrder", &directory.new_order, true},    {"revokeCert", &directory.revoke_cert, false},
      {"keyChange", &directory.key_change, false}, {"renewalInfo", &directory.renewal_info, false},
  };
  for (const auto& resource : resources) {
    NORROY_ASSIGN_OR_RETURN(*resource.url, resource.required
                                               ? object.RequiredString(resource.name)
                                               : object.OptionalString(resource.name));
    if (resource.url->empty()) continue;
    NORROY_RETURN_IF_ERROR(urls.Check(absl::StrCat("directory ", resource.name), *resource.url));
  }
  NORROY_ASSIGN_OR_RETURN(const auto meta, object.OptionalObject("meta"));
  if (meta.has_value()) NORROY_RETURN_IF_ERROR(ReadMeta(*meta, directory));
  return directory;
}

}  // namespace norroy::acme
