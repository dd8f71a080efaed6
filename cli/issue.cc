#include "cli/issue.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/certificate_files.h"
#include "cli/certificate_text.h"
#include "cli/layout.h"
#include "cli/order.h"
#include "cli/order_text.h"
#include "cli/order_watch.h"
#include "cli/text.h"
#include "common/challenge/identifier.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using Orders = issuer::v1::OrderService;

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

// A name as a CSR and a folder need it. U-labels are the issuer's business (IDNA2008): it is
// asked, with an order that is only checked.
absl::StatusOr<std::string> NormalName(Context& context, Orders::Stub& orders,
                                       const IssueOptions& options, const std::string& typed) {
  if (IsAscii(typed)) {
    NORROY_ASSIGN_OR_RETURN(const challenge::Name name, challenge::Name::Parse(typed));
    return name.text();
  }
  issuer::v1::CreateOrderRequest request;
  request.add_names(typed);
  request.set_ca(options.ca);
  request.set_profile(options.profile);
  request.set_validate_only(true);
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(orders, &Orders::Stub::CreateOrder, request));
  if (response.order().names_size() != 1) {
    return absl::InternalError(absl::StrCat("the issuer did not say how it reads ", typed));
  }
  return response.order().names(0).name();
}

// What is being issued, from the options on.
struct Job {
  std::vector<std::string> names;
  std::string folder;
  std::optional<crypto::PrivateKey> key;  // none with a CSR from elsewhere
  std::string csr;
};

absl::Status MakeKey(const IssueOptions& options, Job& job) {
  NORROY_ASSIGN_OR_RETURN(const crypto::KeyType type, crypto::ParseKeyType(options.key_type));
  NORROY_ASSIGN_OR_RETURN(const auto names, challenge::ParseNames(job.names));
  NORROY_ASSIGN_OR_RETURN(job.key, crypto::PrivateKey::Generate(type));
  NORROY_ASSIGN_OR_RETURN(job.csr, crypto::BuildCsr(*job.key, names));
  // Before the order: a key that is lost while the CA works makes its certificate useless.
  return SavePendingKey(job.folder, *job.key);
}

absl::StatusOr<Job> Prepare(Context& context, Orders::Stub& orders, const IssueOptions& options) {
  Job job;
  for (const std::string& typed : options.names) {
    NORROY_ASSIGN_OR_RETURN(std::string name, NormalName(context, orders, options, typed));
    job.names.push_back(std::move(name));
  }
  job.folder = options.out;
  if (job.folder.empty()) {
    NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
    job.folder = absl::StrCat(dir, "/", layout::kLive, "/", FolderName(job.names.front()));
  }
  if (options.csr_file.empty()) {
    NORROY_RETURN_IF_ERROR(MakeKey(options, job));
  } else {
    NORROY_ASSIGN_OR_RETURN(job.csr, ReadCsr(options.csr_file));
  }
  return job;
}

absl::StatusOr<WatchedOrder> PlaceAndWait(Context& context, Orders::Stub& orders,
                                          const IssueOptions& options, const Job& job,
                                          absl::Duration timeout) {
  issuer::v1::CreateOrderRequest request;
  for (const std::string& name : job.names) request.add_names(name);
  request.set_ca(options.ca);
  request.set_profile(options.profile);
  request.set_preferred_chain(options.preferred_chain);
  request.set_force_new(options.force_new);
  request.set_renew(options.renew);
  if (!options.auto_renew.empty()) {
    NORROY_ASSIGN_OR_RETURN(const absl::Duration span,
                            ParseSpan("--auto-renew", options.auto_renew));
    *request.mutable_auto_renew_until() = ToProto(context.clock().Now() + span);
  }
  request.set_csr(job.csr);
  request.set_request_id(crypto::SystemRandom().Id());
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(orders, &Orders::Stub::CreateOrder, request));
  if (response.order().state() == issuer::v1::ORDER_STATE_VALID &&
      !response.certificate_pem().empty()) {
    return WatchedOrder{response.order(), response.certificate_pem()};
  }
  return WatchOrder(context, orders, {response.order().id(), false, timeout});
}

// No certificate will come for the key: the order ended or was never taken.
bool IsHopeless(const absl::Status& status) {
  return status.code() != absl::StatusCode::kUnavailable &&
         status.code() != absl::StatusCode::kDeadlineExceeded;
}

}  // namespace

absl::Status Issue(Context& context, const IssueOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const absl::Duration timeout, ParseSpan("--timeout", options.timeout));
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  const std::unique_ptr<Orders::Stub> orders = Orders::NewStub(channel);
  NORROY_ASSIGN_OR_RETURN(const Job job, Prepare(context, *orders, options));
  const auto watched = PlaceAndWait(context, *orders, options, job, timeout);
  const absl::Status status = watched.ok() ? OrderOutcome(watched->order) : watched.status();
  if (!status.ok()) {
    if (job.key.has_value() && IsHopeless(status)) {
      DropPendingKey(job.folder, job.key->public_key());
    }
    if (status.code() == absl::StatusCode::kDeadlineExceeded) {
      context.output().Say(absl::StrCat("When the order is there: norroy cert get ORDER --out ",
                                        job.folder, " (the key waits in that folder)"));
    }
    return status;
  }
  NORROY_ASSIGN_OR_RETURN(CertificateFiles files,
                          WriteCertificate(job.folder, watched->certificate_pem));
  files.set_order_id(watched->order.id());
  files.set_certificate_id(watched->order.certificate_id());
  context.output().Object(files, FilesFields(files));
  return absl::OkStatus();
}

}  // namespace norroy::cli
