#include "tests/sim/ports.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/error/error.h"

namespace norroy::sim {
namespace {

using fakes::Endpoint;

// Longer than flow::kLease.
constexpr absl::Duration kShortestFreeze = absl::Seconds(121);
constexpr absl::Duration kLongestFreeze = absl::Minutes(10);

absl::Status NoConnection() {
  return MakeError(absl::StatusCode::kUnavailable, "CONNECT_FAILED", "no way to the CA",
                   {{"sent", "no"}});
}

absl::Status NoAnswer() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "TIMEOUT", "the CA did not answer in time",
                   {{"sent", "maybe"}});
}

Endpoint EndpointOf(const std::string& url) {
  static const std::pair<const char*, Endpoint> kFolders[] = {
      {"/new-nonce", Endpoint::kNewNonce},
      {"/new-account", Endpoint::kNewAccount},
      {"/new-order", Endpoint::kNewOrder},
      {"/account/", Endpoint::kAccount},
      {"/order/", Endpoint::kOrder},
      {"/authz/", Endpoint::kAuthorization},
      {"/challenge/", Endpoint::kChallenge},
      {"/finalize/", Endpoint::kFinalize},
      {"/certificate/", Endpoint::kCertificate},
  };
  for (const auto& [folder, endpoint] : kFolders) {
    if (absl::StrContains(url, folder)) return endpoint;
  }
  return Endpoint::kDirectory;
}

std::string PathOf(const std::string& url) {
  const size_t host = url.find("://");
  const size_t path = host == std::string::npos ? host : url.find('/', host + 3);
  return path == std::string::npos ? url : url.substr(path);
}

}  // namespace

absl::Status PortDatabase::Write(const sql::Work& work) {
  if (life_->dead) return Dead();
  sim_.Pause(*life_, absl::Microseconds(50), absl::Milliseconds(3));
  if (sim_.Strikes(Fault::kFrozenBeforeWrite)) {
    sim_.Pause(*life_, kShortestFreeze, kLongestFreeze);
  }
  if (life_->dead) return Dead();
  if (sim_.Strikes(Fault::kIssuerDiesBeforeWrite)) {
    sim_.Kill(*life_, "before a write");
    return Dead();
  }
  if (sim_.Strikes(Fault::kWriteFails)) {
    return MakeError(absl::StatusCode::kUnavailable, "STORAGE_BUSY", "the database is busy");
  }
  absl::Status status = database_.Write(work);
  if (sim_.Strikes(Fault::kIssuerDiesAfterWrite)) {
    sim_.Kill(*life_, "after a write");
    return Dead();
  }
  sim_.Pause(*life_, absl::ZeroDuration(), absl::Milliseconds(1));
  return life_->dead ? Dead() : status;
}

absl::Status PortDatabase::Read(const sql::Work& work) {
  // No pause: some reads are made under locks of the product.
  return life_->dead ? Dead() : database_.Read(work);
}

// At most one fault of the CA's for this request.
void PortHttp::Script(Endpoint endpoint) {
  using fakes::Fault;
  const bool post = endpoint != Endpoint::kDirectory && endpoint != Endpoint::kNewNonce;
  const auto script = [&](const Fault& fault) { ca_.Script(endpoint, fault); };
  const auto retry_after = [&] { return absl::StrCat(sim_.chance.From(1, 5400)); };
  if (post && sim_.Strikes(sim::Fault::kBadNonce)) return script(Fault::BadNonce());
  if (post && sim_.Strikes(sim::Fault::kBadNonceBare)) return script(Fault::BadNonceWithoutNonce());
  if (sim_.Strikes(sim::Fault::kNotSent)) return script(Fault::NotSent());
  if (sim_.Strikes(sim::Fault::kRequestLost)) return script(Fault::LostRequest());
  if (sim_.Strikes(sim::Fault::kReplyLost)) return script(Fault::LostReply());
  if (sim_.Strikes(sim::Fault::kServerError)) {
    return script(Fault::Problem(500, "serverInternal", "no idea"));
  }
  if (post && sim_.Strikes(sim::Fault::kServerErrorLate)) {
    Fault late = Fault::Problem(500, "serverInternal", "no idea, but it was done");
    late.act_first = true;
    return script(late);
  }
  if (post && sim_.Strikes(sim::Fault::kRateLimited)) {
    return script(Fault::Problem(429, "rateLimited", "slowly", retry_after()));
  }
  if (sim_.Strikes(sim::Fault::kOverloaded)) {
    return script(Fault::Problem(503, "serverInternal", "busy", retry_after()));
  }
}

absl::StatusOr<http::Response> PortHttp::AtTheCa(const http::Request& request, Endpoint endpoint) {
  if (endpoint == Endpoint::kChallenge) before_challenge_(request.url);
  if (endpoint == Endpoint::kChallenge && sim_.Strikes(Fault::kLongValidation)) {
    const int polls = sim_.chance.From(2, sim_.faults.focus_on_renewal() ? 150 : 40);
    ca_.Change([&](fakes::FakeCaOptions& options) { options.validation_polls = polls; });
  }
  if (endpoint == Endpoint::kFinalize && sim_.Strikes(Fault::kLongProcessing)) {
    const int polls = sim_.chance.From(2, 40);
    ca_.Change([&](fakes::FakeCaOptions& options) { options.finalize_polls = polls; });
  }
  Script(endpoint);
  absl::StatusOr<http::Response> reply = ca_.Send(request);
  ca_.Change([](fakes::FakeCaOptions& options) {
    options.validation_polls = 0;
    options.finalize_polls = 0;
  });
  const std::string order = sim_.CurrentOrder();
  sim_.Note(life_->name, " ", order.empty() ? "-" : sim_.NameOf(order), " ", request.method, " ",
            PathOf(request.url), " -> ",
            reply.ok() ? absl::StrCat(reply->status) : std::string(reply.status().message()));
  return reply;
}

absl::StatusOr<http::Response> PortHttp::Send(const http::Request& request) {
  if (life_->dead) return Dead();
  const Endpoint endpoint = EndpointOf(request.url);
  sim_.Pause(*life_, absl::Microseconds(200), absl::Milliseconds(20));
  if (life_->dead) return Dead();
  if (sim_.now() < wire_.down_until) {
    sim_.Pause(*life_, std::min(request.timeout, wire_.down_until - sim_.now()));
    return life_->dead ? Dead() : NoConnection();
  }
  if (sim_.Strikes(Fault::kIssuerDiesBeforeRequest)) {
    sim_.Kill(*life_, "before a request");
    return Dead();
  }
  absl::StatusOr<http::Response> reply = AtTheCa(request, endpoint);
  if (sim_.Strikes(Fault::kIssuerDiesAfterReply)) {
    sim_.Kill(*life_, "after a reply");
    return Dead();
  }
  if (sim_.Strikes(Fault::kSilentCa)) {
    sim_.Pause(*life_, request.timeout);
    return life_->dead ? Dead() : NoAnswer();
  }
  if (sim_.Strikes(Fault::kSlowCa)) sim_.Pause(*life_, request.timeout * 0.9);
  sim_.Pause(*life_, absl::Microseconds(200), absl::Milliseconds(20));
  if (sim_.Strikes(Fault::kFrozenAfterReply)) {
    sim_.Pause(*life_, kShortestFreeze, kLongestFreeze);
  }
  return life_->dead ? Dead() : reply;
}

}  // namespace norroy::sim
