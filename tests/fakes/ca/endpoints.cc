#include "tests/fakes/ca/endpoints.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "tests/fakes/ca/json_replies.h"

namespace norroy::fakes {
namespace {

// Challenge types that can prove this name (RFC 8555 8, RFC 8738 7).
bool Fits(const std::string& type, const challenge::Name& name) {
  if (name.wildcard()) return type == "dns-01";
  return type != "dns-01" || name.identifier().type() == challenge::IdentifierType::kDns;
}

}  // namespace

Endpoints::Endpoints(const FakeCaOptions& options)
    : options(options), random_(static_cast<unsigned>(options.seed)) {}

std::string Endpoints::ResourceUrl(const std::string& name) const {
  return absl::StrCat(base_url(), "/v", generation_, "/", name);
}

std::string Endpoints::NextToken() {
  const std::string digest = crypto::Sha256(absl::StrCat("token ", options.seed, " ", ++tokens_));
  return crypto::Base64Url(digest.substr(0, 16));
}

Endpoint Endpoints::KindOf(const std::string& url) const {
  static const std::pair<const char*, Endpoint> kResources[] = {
      {"new-nonce", Endpoint::kNewNonce},   {"new-account", Endpoint::kNewAccount},
      {"new-order", Endpoint::kNewOrder},   {"revoke-cert", Endpoint::kRevoke},
      {"key-change", Endpoint::kKeyChange},
  };
  static const std::pair<const char*, Endpoint> kFolders[] = {
      {"/account/", Endpoint::kAccount},     {"/order/", Endpoint::kOrder},
      {"/authz/", Endpoint::kAuthorization}, {"/challenge/", Endpoint::kChallenge},
      {"/finalize/", Endpoint::kFinalize},   {"/certificate/", Endpoint::kCertificate},
  };
  if (url == directory_url()) return Endpoint::kDirectory;
  for (const auto& [name, kind] : kResources) {
    if (url == ResourceUrl(name)) return kind;
  }
  if (absl::StartsWith(url, ResourceUrl("renewal-info") + "/")) return Endpoint::kRenewalInfo;
  for (const auto& [folder, kind] : kFolders) {
    if (absl::StartsWith(url, base_url() + folder)) return kind;
  }
  return Endpoint::kOther;
}

http::Response Endpoints::Directory() const {
  Json meta = {{"website", base_url()}, {"caaIdentities", {options.host}}};
  if (!options.terms_of_service.empty()) meta["termsOfService"] = options.terms_of_service;
  if (!options.eab_keys.empty()) meta["externalAccountRequired"] = true;
  if (!options.profiles.empty()) meta["profiles"] = options.profiles;
  Json directory = {{"newNonce", ResourceUrl("new-nonce")},
                    {"newAccount", ResourceUrl("new-account")},
                    {"newOrder", ResourceUrl("new-order")},
                    {"revokeCert", ResourceUrl("revoke-cert")},
                    {"keyChange", ResourceUrl("key-change")},
                    {"aRandomMember", "https://community.invalid/"},
                    {"meta", meta}};
  if (options.renewal_info) directory["renewalInfo"] = ResourceUrl("renewal-info");
  return JsonReply(200, directory);
}

http::Response Endpoints::Handle(Endpoint kind, const SignedRequest& request, absl::Time now,
                                 Due& due) {
  if (kind == Endpoint::kNewAccount) return NewAccount(request);
  AccountEntry* const account = ledger.AccountByUrl(request.kid);
  if (account == nullptr) return ProblemReply(400, "accountDoesNotExist", "no such account");
  if (account->status != "valid") {
    return ProblemReply(401, "unauthorized", "the account is " + account->status);
  }
  if (account->must_agree && kind != Endpoint::kAccount) return MustAgree();
  switch (kind) {
    case Endpoint::kAccount:
      return Account(*account, request);
    case Endpoint::kKeyChange:
      return KeyChange(*account, request);
    case Endpoint::kNewOrder:
      return NewOrder(*account, request, now);
    case Endpoint::kOrder:
      return Order(*account, request, now);
    case Endpoint::kFinalize:
      return Finalize(*account, request, now);
    case Endpoint::kAuthorization:
      return Authorization(*account, request, now);
    case Endpoint::kChallenge:
      return Challenge(*account, request, now, due);
    case Endpoint::kCertificate:
      return Certificate(*account, request);
    case Endpoint::kRevoke:
      return Revoke(*account, request);
    default:
      return ProblemReply(404, "malformed", "no such resource");
  }
}

// RFC 8555 7.3.3.
http::Response Endpoints::MustAgree() const {
  http::Response reply =
      ProblemReply(403, "userActionRequired",
                   "the terms of service have changed; agree to them at the instance");
  Json problem = Json::parse(reply.body);
  problem["instance"] = base_url() + "/agree-to-terms";
  reply.body = problem.dump();
  reply.headers.emplace_back(
      "Link", absl::StrCat("<", options.terms_of_service, ">;rel=\"terms-of-service\""));
  return reply;
}

http::Response Endpoints::NewAccount(const SignedRequest& request) {
  const Json payload = Payload(request);
  AccountEntry* account = ledger.AccountByKey(request.jwk_spki);
  int status = 200;
  if (account == nullptr) {
    if (payload.value("onlyReturnExisting", false)) {
      return ProblemReply(400, "accountDoesNotExist", "no account for this key");
    }
    if (!options.terms_of_service.empty() && !payload.value("termsOfServiceAgreed", false)) {
      return ProblemReply(403, "userActionRequired", "the terms of service must be agreed to");
    }
    if (!options.eab_keys.empty()) {
      if (!payload.contains("externalAccountBinding")) {
        return ProblemReply(403, "externalAccountRequired", "an external account is required");
      }
      const std::string binding = payload["externalAccountBinding"].dump();
      const auto kid = BindingKid(binding);
      const auto key = options.eab_keys.find(kid.ok() ? *kid : "");
      if (key == options.eab_keys.end()) {
        return ProblemReply(403, "unauthorized", "unknown external account");
      }
      const absl::Status bound = CheckBinding(binding, key->second, request.jwk_spki, request.url);
      if (!bound.ok()) return ProblemReply(400, "malformed", std::string(bound.message()));
    }
    AccountEntry entry;
    entry.url = absl::StrCat(base_url(), "/account/", ledger.accounts.size() + 1);
    entry.spki = request.jwk_spki;
    entry.thumbprint = crypto::PublicKey::Parse(request.jwk_spki)->thumbprint();
    for (const Json& contact : payload.value("contact", Json::array())) {
      if (contact.is_string()) entry.contacts.push_back(contact.get<std::string>());
    }
    ledger.accounts.push_back(std::move(entry));
    account = &ledger.accounts.back();
    status = 201;
  }
  if (account->status != "valid") return ProblemReply(401, "unauthorized", "deactivated account");
  http::Response reply =
      JsonReply(status, {{"status", account->status}, {"contact", account->contacts}});
  reply.headers.emplace_back("Location", account->url);
  return reply;
}

http::Response Endpoints::Account(AccountEntry& account, const SignedRequest& request) {
  if (request.url != account.url) return ProblemReply(403, "unauthorized", "another's account");
  const Json payload = Payload(request);
  if (StringMember(payload, "status") == "deactivated") account.status = "deactivated";
  if (payload.value("termsOfServiceAgreed", false)) account.must_agree = false;
  if (payload.contains("contact")) {
    // RFC 8555 7.3.2: what is sent replaces what was there.
    account.contacts.clear();
    for (const Json& contact : payload["contact"]) {
      if (contact.is_string()) account.contacts.push_back(contact.get<std::string>());
    }
  }
  return JsonReply(200, {{"status", account.status}, {"contact", account.contacts}});
}

http::Response Endpoints::KeyChange(AccountEntry& account, const SignedRequest& request) {
  const auto key = CheckKeyChange(request.payload, request.url, account.url, account.spki);
  if (!key.ok()) return ProblemReply(400, "malformed", std::string(key.status().message()));
  if (const AccountEntry* const other = ledger.AccountByKey(key->spki_der()); other != nullptr) {
    // RFC 8555 7.3.5.
    http::Response reply = ProblemReply(409, "conflict", "another account has this key");
    reply.headers.emplace_back("Location", other->url);
    return reply;
  }
  account.spki = key->spki_der();
  account.thumbprint = key->thumbprint();
  return JsonReply(200, {{"status", account.status}, {"contact", account.contacts}});
}

AuthorizationEntry* Endpoints::NewAuthorization(const AccountEntry& account,
                                                const std::string& profile,
                                                const challenge::Name& name, absl::Time now) {
  return ledger.Add({absl::StrCat(base_url(), "/authz/", ledger.authorizations().size() + 1),
                     account.url,
                     profile,
                     name,
                     NextToken(),
                     now + options.LifetimesOf(profile).pending_authorization,
                     "pending",
                     0,
                     "",
                     {},
                     0,
                     {}});
}

void Endpoints::Pace(const std::string& url, bool waiting, absl::Time now, http::Response& reply) {
  const auto promised = not_before_.find(url);
  if (promised != not_before_.end() && now < promised->second) {
    violations.push_back(absl::StrCat(url, " was read before its Retry-After"));
  }
  not_before_.erase(url);
  if (!waiting || options.retry_after_seconds <= 0) return;
  not_before_[url] = now + absl::Seconds(options.retry_after_seconds);
  reply.headers.emplace_back("Retry-After", absl::StrCat(options.retry_after_seconds));
}

http::Response Endpoints::ShowAuthorization(AuthorizationEntry& authorization, absl::Time now) {
  const std::string state = Ledger::StatusOf(authorization, now);
  authorization.shown_open = state == "pending" && authorization.attempted_type.empty();
  Json json = {{"status", state},
               {"expires", DateText(authorization.expires)},
               {"identifier", IdentifierJson(authorization.name, false)},
               {"challenges", Json::array()}};
  if (authorization.name.wildcard()) json["wildcard"] = true;
  const std::string number =
      std::string(absl::StripPrefix(authorization.url, base_url() + "/authz/"));
  for (const std::string& type : options.challenge_types) {
    if (!Fits(type, authorization.name)) continue;
    const bool attempted = type == authorization.attempted_type;
    // RFC 8555 7.1.4: a final authorization shows only what decided it.
    if (!attempted && state != "pending") continue;
    Json challenge = {{"type", type},
                      {"url", base_url() + "/challenge/" + number + "/" + type},
                      {"token", authorization.token},
                      {"status", !attempted           ? "pending"
                                 : state == "pending" ? "processing"
                                 : state == "invalid" ? "invalid"
                                                      : "valid"}};
    if (attempted && authorization.problem.has_value()) {
      challenge["error"] = ProblemJson(*authorization.problem);
    }
    json["challenges"].push_back(challenge);
  }
  if (state == "pending") {
    json["challenges"].push_back({{"type", "smoke-signal-01"},
                                  {"url", base_url() + "/challenge/" + number + "/smoke"},
                                  {"status", "pending"}});
  }
  std::shuffle(json["challenges"].begin(), json["challenges"].end(), random_);
  return JsonReply(200, json);
}

http::Response Endpoints::Authorization(AccountEntry& account, const SignedRequest& request,
                                        absl::Time now) {
  AuthorizationEntry* const authorization = ledger.AuthorizationByUrl(request.url);
  if (authorization == nullptr) return ProblemReply(404, "malformed", "no such authorization");
  if (authorization->account_url != account.url) {
    return ProblemReply(403, "unauthorized", "not yours");
  }
  if (StringMember(Payload(request), "status") == "deactivated") {
    authorization->status = "deactivated";
    return ShowAuthorization(*authorization, now);
  }
  if (!request.payload.empty()) return ProblemReply(400, "malformed", "bad update");
  Ledger::Observe(*authorization, options, now);
  http::Response reply = ShowAuthorization(*authorization, now);
  const bool waiting =
      Ledger::StatusOf(*authorization, now) == "pending" && !authorization->attempted_type.empty();
  Pace(authorization->url, waiting, now, reply);
  return reply;
}

http::Response Endpoints::Challenge(AccountEntry& account, const SignedRequest& request,
                                    absl::Time now, Due& due) {
  const std::string rest = std::string(absl::StripPrefix(request.url, base_url() + "/challenge/"));
  const size_t slash = rest.find('/');
  AuthorizationEntry* const authorization =
      ledger.AuthorizationByUrl(base_url() + "/authz/" + rest.substr(0, slash));
  const std::string type = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (authorization == nullptr || !Fits(type, authorization->name)) {
    return ProblemReply(404, "malformed", "no such challenge");
  }
  if (authorization->account_url != account.url) {
    return ProblemReply(403, "unauthorized", "not yours");
  }
  if (Json::parse(request.payload, nullptr, false) != Json::object()) {
    return ProblemReply(400, "malformed", "the payload must be {}");
  }
  const std::string state = Ledger::StatusOf(*authorization, now);
  if (state != "pending" || !authorization->attempted_type.empty()) {
    if (!authorization->shown_open || !authorization->attempted_type.empty()) {
      violations.push_back(absl::StrCat(request.url, " was answered when it was not pending"));
    }
    return ProblemReply(400, "malformed", "the challenge is not pending");
  }
  authorization->attempted_type = type;
  authorization->shown_open = false;
  authorization->polls_left = options.validation_polls;
  ++authorization->attempts;
  due.authorization = authorization;
  due.attempt = {type, authorization->name.identifier().value(), authorization->token,
                 absl::StrCat(authorization->token, ".", account.thumbprint)};
  http::Response reply = JsonReply(200, {{"type", type},
                                         {"url", request.url},
                                         {"token", authorization->token},
                                         {"status", "processing"}});
  reply.headers.emplace_back("Link", absl::StrCat("<", authorization->url, ">;rel=\"up\""));
  return reply;
}

void Endpoints::NoteVerdict(AuthorizationEntry& authorization, const absl::Status& verdict,
                            absl::Time now) {
  authorization.verdict = verdict;
  const std::string& name = authorization.name.identifier().value();
  int& failures = failures_in_a_row_[absl::StrCat(authorization.account_url, " ", name)];
  failures = verdict.ok() ? 0 : failures + 1;
  if (verdict.ok()) return;
  if (options.rate_limits.has_value()) {
    limits_.SpendFailure(*options.rate_limits, authorization.account_url, authorization.name, now);
  }
  if (options.pause_after_failures > 0 && failures >= options.pause_after_failures) {
    paused.insert(name);
  }
}

http::Response Endpoints::Certificate(AccountEntry& account, const SignedRequest& request) {
  // "<base>/certificate/<number>", and "/<chain>" for the alternates.
  const size_t number = (base_url() + "/certificate/").size();
  const size_t slash = request.url.find('/', number);
  const CertificateEntry* const entry = ledger.CertificateByUrl(request.url.substr(0, slash));
  size_t chain = 0;
  const bool known = entry != nullptr &&
                     (slash == std::string::npos ||
                      (absl::SimpleAtoi(request.url.substr(slash + 1), &chain) && chain > 0)) &&
                     chain < entry->chains.size();
  if (!known) return ProblemReply(404, "malformed", "no such certificate");
  if (entry->account_url != account.url) return ProblemReply(403, "unauthorized", "not yours");
  http::Response reply;
  reply.status = 200;
  reply.headers = {{"Content-Type", "application/pem-certificate-chain"}};
  reply.body = entry->chains[chain];
  for (size_t other = 0; other < entry->chains.size(); ++other) {
    if (other == chain) continue;
    const std::string target = other == 0 ? entry->url : absl::StrCat(entry->url, "/", other);
    reply.headers.emplace_back("Link", absl::StrCat("<", target, ">;rel=\"alternate\""));
  }
  return reply;
}

http::Response Endpoints::Revoke(AccountEntry& account, const SignedRequest& request) {
  const Json payload = Payload(request);
  const auto der = crypto::Base64UrlDecode(StringMember(payload, "certificate"));
  for (CertificateEntry& entry : ledger.certificates()) {
    if (!der.ok() || entry.der != *der) continue;
    if (entry.account_url != account.url) return ProblemReply(403, "unauthorized", "not yours");
    if (entry.revoked.has_value()) return ProblemReply(400, "alreadyRevoked", "revoked before");
    entry.revoked = payload.value("reason", 0);
    http::Response reply;
    reply.status = 200;
    return reply;
  }
  return ProblemReply(404, "malformed", "no such certificate");
}

}  // namespace norroy::fakes
