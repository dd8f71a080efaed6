#include "cli/sync_issuer.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// For each address but the last: how long it may take to answer before the next one is tried.
constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

IssuerView ViewOf(const issuer::v1::Certificate& certificate) {
  IssuerView view;
  view.certificate_id = certificate.id();
  view.revoked = certificate.has_revoke_time();
  view.ca = certificate.ca();
  view.profile = certificate.profile();
  if (certificate.has_renewal_time()) view.renewal_time = FromProto(certificate.renewal_time());
  return view;
}

std::string Choose(const std::string& flag, const std::string& configured) {
  return flag.empty() ? configured : flag;
}

}  // namespace

SyncIssuer::SyncIssuer(Context& context, const SyncSettings& settings)
    : context_(context), settings_(settings) {}

absl::Status SyncIssuer::Connect() {
  if (connected_.has_value()) return *connected_;
  const char* const environment = std::getenv("NORROY_ISSUER");
  const bool chosen =
      !context_.options().issuer.empty() || (environment != nullptr && environment[0] != '\0');
  std::vector<std::string> addresses = settings_.issuers;
  // Empty: whatever the context says.
  if (chosen || addresses.empty()) addresses = {context_.options().issuer};
  absl::Status status;
  for (size_t i = 0; i < addresses.size(); ++i) {
    status = ConnectTo(addresses[i], i + 1 == addresses.size());
    if (status.ok()) break;
  }
  connected_ = status;
  return status;
}

absl::Status SyncIssuer::ConnectTo(const std::string& address, bool last) {
  Options options = context_.options();
  options.issuer = address;
  options.identity_file = Choose(options.identity_file, settings_.identity_file);
  options.core_root_file = Choose(options.core_root_file, settings_.core_root_file);
  auto context = std::make_unique<Context>(options, context_.output(), context_.clock());
  NORROY_ASSIGN_OR_RETURN(const auto channel, context->Issuer());
  // The last one's calls say themselves why they fail.
  if (!last &&
      !channel->WaitForConnected(absl::ToChronoTime(context_.clock().Now() + kConnectTimeout))) {
    return absl::UnavailableError(absl::StrCat("no issuer answers at ", address));
  }
  issuer_context_ = std::move(context);
  orders_ = Orders::NewStub(channel);
  certificates_ = Certificates::NewStub(channel);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<IssuerView>> SyncIssuer::View(const std::string& id,
                                                           const crypto::Certificate& leaf) {
  NORROY_RETURN_IF_ERROR(Connect());
  auto view = Ask(id, leaf);
  // Nobody there: no other certificate waits for that, too.
  if (view.status().code() == absl::StatusCode::kUnavailable) connected_ = view.status();
  return view;
}

absl::StatusOr<std::optional<IssuerView>> SyncIssuer::Ask(const std::string& id,
                                                          const crypto::Certificate& leaf) {
  if (!id.empty()) {
    issuer::v1::GetCertificateRequest request;
    request.set_id(id);
    const auto response =
        issuer_context_->Call(*certificates_, &Certificates::Stub::GetCertificate, request);
    if (response.ok()) return std::optional<IssuerView>(ViewOf(response->certificate()));
    if (response.status().code() != absl::StatusCode::kNotFound) return response.status();
  }
  if (leaf.names().empty()) return std::optional<IssuerView>();
  issuer::v1::ListCertificatesRequest request;
  request.set_name(leaf.names().front().text());
  request.set_page_size(100);
  NORROY_ASSIGN_OR_RETURN(
      const auto response,
      issuer_context_->Call(*certificates_, &Certificates::Stub::ListCertificates, request));
  for (const issuer::v1::Certificate& certificate : response.certificates()) {
    if (certificate.serial() == leaf.serial() &&
        certificate.public_key_sha256() == leaf.spki_sha256()) {
      return std::optional<IssuerView>(ViewOf(certificate));
    }
  }
  return std::optional<IssuerView>();
}

absl::Status SyncIssuer::Check(const WantedCertificate& wanted) {
  NORROY_RETURN_IF_ERROR(Connect());
  issuer::v1::CreateOrderRequest request;
  for (const challenge::Name& name : wanted.domains) request.add_names(name.text());
  request.set_ca(wanted.ca);
  request.set_profile(wanted.profile);
  request.set_validate_only(true);
  return issuer_context_->Call(*orders_, &Orders::Stub::CreateOrder, request).status();
}

absl::StatusOr<WatchedOrder> SyncIssuer::Place(const WantedCertificate& wanted,
                                               const PendingRenewal& pending) {
  NORROY_RETURN_IF_ERROR(Connect());
  issuer::v1::CreateOrderRequest request;
  for (const challenge::Name& name : wanted.domains) request.add_names(name.text());
  request.set_ca(wanted.ca);
  request.set_profile(wanted.profile);
  request.set_preferred_chain(wanted.preferred_chain);
  // With the same key the issuer would hand back the certificate that is to be replaced.
  request.set_force_new(wanted.reuse_key);
  request.set_csr(pending.csr.der());
  request.set_request_id(pending.RequestId(wanted));
  request.set_renew(pending.renews);
  NORROY_ASSIGN_OR_RETURN(auto response,
                          issuer_context_->Call(*orders_, &Orders::Stub::CreateOrder, request));
  return WatchedOrder{std::move(*response.mutable_order()), response.certificate_pem()};
}

absl::StatusOr<WatchedOrder> SyncIssuer::Wait(const std::string& order_id, absl::Duration timeout) {
  NORROY_RETURN_IF_ERROR(Connect());
  return WatchOrder(*issuer_context_, *orders_, {order_id, false, timeout});
}

}  // namespace norroy::cli
