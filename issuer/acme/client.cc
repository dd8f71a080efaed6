#include "issuer/acme/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/certificate.h"
#include "issuer/acme/exchange.h"
#include "issuer/acme/json.h"
#include "issuer/acme/jws.h"
#include "issuer/acme/revocation.h"

namespace norroy::acme {
namespace {

constexpr char kLocation[] = "Location";

std::string NamesJson(const std::vector<challenge::Name>& names) {
  std::vector<std::string> identifiers;
  for (const challenge::Name& name : names) {
    identifiers.push_back(absl::StrCat(
        R"({"type":)", JsonQuote(challenge::IdentifierTypeName(name.identifier().type())),
        R"(,"value":)", JsonQuote(name.text()), "}"));
  }
  return JsonArray(identifiers);
}

std::string NewOrderPayload(const std::vector<challenge::Name>& names, const std::string& profile,
                            const std::string& replaces) {
  std::vector<std::string> members = {absl::StrCat(R"("identifiers":)", NamesJson(names))};
  if (!profile.empty()) members.push_back(absl::StrCat(R"("profile":)", JsonQuote(profile)));
  if (!replaces.empty()) members.push_back(absl::StrCat(R"("replaces":)", JsonQuote(replaces)));
  return absl::StrCat("{", absl::StrJoin(members, ","), "}");
}

std::string ContactsJson(const std::vector<std::string>& contacts) {
  std::vector<std::string> quoted;
  for (const std::string& contact : contacts) quoted.push_back(JsonQuote(contact));
  return JsonArray(quoted);
}

// RFC 8555 7.3. `url` is the newAccount resource's.
std::string NewAccountPayload(const NewAccount& account, const crypto::PublicKey& key,
                              const std::string& url) {
  std::vector<std::string> members;
  if (account.terms_of_service_agreed) members.push_back(R"("termsOfServiceAgreed":true)");
  if (account.only_return_existing) members.push_back(R"("onlyReturnExisting":true)");
  if (!account.contacts.empty()) {
    members.push_back(absl::StrCat(R"("contact":)", ContactsJson(account.contacts)));
  }
  if (account.external_account != nullptr) {
    members.push_back(absl::StrCat(R"("externalAccountBinding":)",
                                   BindExternalAccount(*account.external_account, key, url)));
  }
  return absl::StrCat("{", absl::StrJoin(members, ","), "}");
}

std::string Texts(const std::vector<challenge::Name>& names) {
  return absl::StrJoin(
      names, ", ", [](std::string* out, const challenge::Name& name) { out->append(name.text()); });
}

class ExchangeClient final : public Client {
 public:
  ExchangeClient(const Exchange::Parts& parts, const ClientOptions& options, UrlPolicy urls)
      : exchange_(parts, options.directory_url, std::move(urls)),
        caa_identities_(options.caa_identities) {}

  absl::StatusOr<Directory> GetDirectory() override {
    auto directory = exchange_.GetDirectory(exchange_.DeadlineIn(kCallBudget));
    if (directory.ok() && !caa_identities_.empty()) directory->caa_identities = caa_identities_;
    return directory;
  }

  absl::StatusOr<Account> CreateAccount(const NewAccount& account) override {
    NORROY_ASSIGN_OR_RETURN(const http::Response reply,
                            exchange_.PostTo(&Directory::new_account, /*kid=*/false,
                                             MakeCall("newAccount"), [&](const std::string& url) {
                                               return NewAccountPayload(account, exchange_.key(),
                                                                        url);
                                             }));
    // RFC 8555 7.3: the account's URL.
    NORROY_ASSIGN_OR_RETURN(const std::string url, LocationOf("newAccount", reply));
    return Account::Parse(reply.body, url);
  }

  void SetAccountUrl(const std::string& url) override { exchange_.SetAccountUrl(url); }
  std::string account_url() const override { return exchange_.account_url(); }

  absl::StatusOr<Account> UpdateAccount(const std::vector<std::string>& contacts) override {
    Call call = MakeCall("account");
    call.url = exchange_.account_url();
    call.payload = absl::StrCat(R"({"contact":)", ContactsJson(contacts), "}");
    NORROY_ASSIGN_OR_RETURN(const http::Response reply, exchange_.Post(call));
    return Account::Parse(reply.body, call.url);
  }

  absl::Status ChangeKey(crypto::Signer& next) override {
    const std::string account = exchange_.account_url();
    NORROY_RETURN_IF_ERROR(exchange_
                               .PostTo(&Directory::key_change, /*kid=*/true, MakeCall("keyChange"),
                                       [&](const std::string& url) {
                                         return SignKeyChange(next, exchange_.key(), account, url);
                                       })
                               .status());
    exchange_.UseKey(next);
    return absl::OkStatus();
  }

  void UseKey(crypto::Signer& signer) override { exchange_.UseKey(signer); }

  absl::StatusOr<Order> NewOrder(const std::vector<challenge::Name>& names,
                                 const std::string& profile, const std::string& replaces) override {
    const Call call = MakeCall("newOrder");
    NORROY_RETURN_IF_ERROR(CheckProfile(profile, call.deadline));
    NORROY_ASSIGN_OR_RETURN(
        const http::Response reply,
        exchange_.PostTo(&Directory::new_order, /*kid=*/true, call, [&](const std::string&) {
          return NewOrderPayload(names, profile, replaces);
        }));
    // RFC 8555 7.4: the order's URL.
    NORROY_ASSIGN_OR_RETURN(const std::string url, LocationOf("newOrder", reply));
    NORROY_ASSIGN_OR_RETURN(Order order, ReadOrder(reply, url));
    std::vector<challenge::Name> asked = names;
    std::sort(asked.begin(), asked.end());
    if (order.names == asked) return order;
    // RFC 8555 7.4: the CA may refuse an order, it may not make another one of it.
    return CaProtocolError(absl::StrCat("order ", url),
                           absl::StrCat("its identifiers are ", Texts(order.names),
                                        " where we asked for ", Texts(asked)));
  }

  absl::StatusOr<Order> GetOrder(const std::string& url) override {
    NORROY_ASSIGN_OR_RETURN(const http::Response reply, Read("order", url));
    return ReadOrder(reply, url);
  }

  absl::StatusOr<Order> Finalize(const Order& order, const std::string& csr_der) override {
    Call call = MakeCall("finalize");
    call.url = order.finalize;
    call.payload = absl::StrCat(R"({"csr":")", crypto::Base64Url(csr_der), R"("})");
    NORROY_ASSIGN_OR_RETURN(const http::Response reply, exchange_.Post(call));
    return ReadOrder(reply, order.url);
  }

  absl::StatusOr<Authorization> GetAuthorization(const std::string& url) override {
    NORROY_ASSIGN_OR_RETURN(const http::Response reply, Read("authorization", url));
    NORROY_ASSIGN_OR_RETURN(Authorization authorization,
                            Authorization::Parse(reply.body, url, exchange_.urls()));
    authorization.retry_after = RetryAfter(reply);
    return authorization;
  }

  absl::Status DeactivateAuthorization(const std::string& url) override {
    Call call = MakeCall("authorization");
    call.url = url;
    call.payload = R"({"status":"deactivated"})";
    return exchange_.Post(call).status();
  }

  absl::Status RespondToChallenge(const std::string& url) override {
    Call call = MakeCall("challenge");
    call.url = url;
    // RFC 8555 7.5.1: an empty object, not an empty payload.
    call.payload = "{}";
    return exchange_.Post(call).status();
  }

  absl::StatusOr<std::vector<std::string>> DownloadCertificate(const std::string& url) override {
    return DownloadChains(exchange_, url, exchange_.DeadlineIn(kCallBudget));
  }

  absl::Status RevokeCertificate(const std::string& der, RevocationReason reason) override {
    NORROY_RETURN_IF_ERROR(CheckRevocationReason(reason));
    const absl::Status status =
        exchange_
            .PostTo(&Directory::revoke_cert, /*kid=*/true, MakeCall("revokeCert"),
                    [&](const std::string&) { return RevocationPayload(der, reason); })
            .status();
    return IsAlreadyRevoked(status) ? absl::OkStatus() : status;
  }

  absl::StatusOr<RenewalInfo> GetRenewalInfo(const std::string& renewal_id) override {
    const absl::Duration deadline = exchange_.DeadlineIn(kRenewalInfoBudget);
    NORROY_ASSIGN_OR_RETURN(const Directory directory, exchange_.GetDirectory(deadline));
    if (directory.renewal_info.empty()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "CA_LACKS",
                       "the CA's directory has no renewalInfo");
    }
    const bool slash = absl::EndsWith(directory.renewal_info, "/");
    const std::string url = absl::StrCat(directory.renewal_info, slash ? "" : "/", renewal_id);
    NORROY_ASSIGN_OR_RETURN(const http::Response reply,
                            exchange_.Get("renewalInfo", url, kMaxRenewalInfoBytes, deadline));
    NORROY_ASSIGN_OR_RETURN(RenewalInfo info, RenewalInfo::Parse(reply.body, renewal_id));
    info.retry_after = RetryAfter(reply);
    return info;
  }

  std::string Thumbprint() const override { return exchange_.key().thumbprint(); }
  int64_t requests() const override { return exchange_.requests(); }

 private:
  Call MakeCall(const std::string& what) const {
    Call call;
    call.what = what;
    call.deadline = exchange_.DeadlineIn(kCallBudget);
    return call;
  }

  // RFC 8555 6.3: POST-as-GET.
  absl::StatusOr<http::Response> Read(const std::string& what, const std::string& url) {
    Call call = MakeCall(what);
    call.url = url;
    return exchange_.Post(call);
  }

  absl::StatusOr<std::string> LocationOf(absl::string_view what,
                                         const http::Response& reply) const {
    std::string url = reply.Header(kLocation);
    if (url.empty()) return CaProtocolError(what, "the Location header is missing");
    NORROY_RETURN_IF_ERROR(exchange_.urls().Check(absl::StrCat(what, " Location"), url));
    return url;
  }

  std::optional<absl::Time> RetryAfter(const http::Response& reply) const {
    return http::RetryAfterOf(reply, exchange_.clock().Now());
  }

  absl::StatusOr<Order> ReadOrder(const http::Response& reply, const std::string& url) const {
    NORROY_ASSIGN_OR_RETURN(Order order, Order::Parse(reply.body, url, exchange_.urls()));
    order.retry_after = RetryAfter(reply);
    return order;
  }

  absl::Status CheckProfile(const std::string& profile, absl::Duration deadline) {
    if (profile.empty()) return absl::OkStatus();
    NORROY_ASSIGN_OR_RETURN(const Directory directory, exchange_.GetDirectory(deadline));
    if (directory.profiles.count(profile) > 0) return absl::OkStatus();
    const std::string known = absl::StrJoin(
        directory.profiles, ", ", [](std::string* out, const auto& row) { *out += row.first; });
    return MakeError(absl::StatusCode::kInvalidArgument, "UNKNOWN_PROFILE",
                     absl::StrCat("the CA has no profile \"", Printable(profile, 64), "\"; it has ",
                                  known.empty() ? "none" : Printable(known)));
  }

  Exchange exchange_;
  const std::vector<std::string> caa_identities_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Make(const ClientOptions& options,
                                                     http::Client& http, crypto::Signer& signer,
                                                     Clock& clock, crypto::Random& random) {
  NORROY_ASSIGN_OR_RETURN(UrlPolicy urls,
                          UrlPolicy::Make(options.directory_url, options.extra_hosts));
  Exchange::Parts parts{http, signer, clock, random, options.sleep};
  if (!parts.sleep) parts.sleep = [](absl::Duration pause) { absl::SleepFor(pause); };
  return std::make_unique<ExchangeClient>(parts, options, std::move(urls));
}

}  // namespace norroy::acme
