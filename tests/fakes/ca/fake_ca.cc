#include "tests/fakes/ca/fake_ca.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/sync/mutex.h"
#include "tests/fakes/ca/endpoints.h"
#include "tests/fakes/ca/post_gate.h"
#include "tests/fakes/ca/problem_reply.h"
#include "tests/fakes/ca/script.h"

namespace norroy::fakes {
namespace {

absl::Status TransportError(const std::string& reason, const std::string& sent) {
  return MakeError(absl::StatusCode::kUnavailable, reason, "the fake CA cut the connection",
                   {{"sent", sent}});
}

absl::Status TooLarge() {
  return MakeError(absl::StatusCode::kResourceExhausted, "REPLY_TOO_LARGE",
                   "the fake CA's reply is too large", {{"sent", "maybe"}});
}

// RFC 9110 5.6.7.
std::string HttpDate(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", time, absl::UTCTimeZone());
}

}  // namespace

class FakeCa::State {
 public:
  explicit State(const FakeCaOptions& options)
      : clock(*options.clock), endpoints(options), script(options.seed), gate(endpoints) {}

  // The reply or transport error; what has to be done without the lock comes back in `due`.
  absl::StatusOr<http::Response> Serve(const http::Request& request, RequestRecord& record,
                                       std::optional<Fault>& fault, Due& due)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // What becomes of a reply on its way to the client.
  absl::StatusOr<http::Response> Deliver(const http::Request& request, const Fault& fault,
                                         http::Response reply);
  absl::Status Look(const Attempt& attempt);
  // Entries stay where they are, so that the look may come back later.
  void Settle(const Due& due);

  Clock& clock;
  Mutex mutex;
  Endpoints endpoints ABSL_GUARDED_BY(mutex);
  norroy::fakes::Script script ABSL_GUARDED_BY(mutex);
  PostGate gate ABSL_GUARDED_BY(mutex);
  std::vector<RequestRecord> requests ABSL_GUARDED_BY(mutex);
  Validator validator ABSL_GUARDED_BY(mutex);
  Fetch fetch ABSL_GUARDED_BY(mutex);
  std::function<void(std::function<void()>)> looks ABSL_GUARDED_BY(mutex);
  Tamper tamper ABSL_GUARDED_BY(mutex);
  std::function<void(const RequestRecord&)> observer ABSL_GUARDED_BY(mutex);
  std::function<std::string(const std::string&)> chain_filter ABSL_GUARDED_BY(mutex);

 private:
  http::Response ServeGet(const http::Request& request, Endpoint endpoint)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  http::Response ServePost(const http::Request& request, const std::optional<Fault>& fault,
                           RequestRecord& record, Due& due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
};

http::Response FakeCa::State::ServeGet(const http::Request& request, Endpoint endpoint) {
  if (endpoint == Endpoint::kDirectory && request.method == "GET") return endpoints.Directory();
  if (endpoint == Endpoint::kRenewalInfo && request.method == "GET") {
    return endpoints.RenewalInfo(request.url, clock.Now());
  }
  if (endpoint != Endpoint::kNewNonce) {
    return ProblemReply(endpoint == Endpoint::kOther ? 404 : 405, "malformed",
                        request.method + " is not allowed here");
  }
  http::Response reply;
  // RFC 8555 7.2.
  reply.status = request.method == "HEAD" ? 200 : 204;
  reply.headers = {{"Cache-Control", "no-store"}};
  gate.AddNonce(reply);
  return reply;
}

http::Response FakeCa::State::ServePost(const http::Request& request,
                                        const std::optional<Fault>& fault, RequestRecord& record,
                                        Due& due) {
  SignedRequest parsed;
  std::optional<http::Response> refusal = gate.Check(request, record.endpoint, parsed);
  record.payload = parsed.payload;
  const bool scripted = fault.has_value() && fault->kind == Fault::Kind::kReply;
  http::Response reply;
  if (fault.has_value() && fault->kind == Fault::Kind::kBadNonce) {
    reply = ProblemReply(400, "badNonce", "scripted");
  } else if (scripted && !fault->act_first) {
    reply = fault->response;
  } else if (refusal.has_value()) {
    reply = *std::move(refusal);
  } else {
    reply = endpoints.Handle(record.endpoint, parsed, clock.Now(), due);
    if (scripted) reply = fault->response;
  }
  if (!fault.has_value() || !fault->omit_nonce) gate.AddNonce(reply);
  return reply;
}

absl::StatusOr<http::Response> FakeCa::State::Serve(const http::Request& request,
                                                    RequestRecord& record,
                                                    std::optional<Fault>& fault, Due& due) {
  fault = script.Next(record.endpoint);
  const auto is = [&fault](Fault::Kind kind) { return fault.has_value() && fault->kind == kind; };
  if (is(Fault::Kind::kNotSent)) return TransportError("CONNECT_FAILED", "no");
  if (is(Fault::Kind::kTlsRefused)) return TransportError("TLS_REFUSED", "no");
  if (is(Fault::Kind::kLostRequest)) return TransportError("CONNECTION_LOST", "maybe");
  http::Response headers;
  headers.headers = request.headers;
  // RFC 8555 6.1.
  if (headers.Header("User-Agent").empty()) endpoints.violations.push_back("no User-Agent");
  http::Response reply;
  if (request.method == "POST") {
    reply = ServePost(request, fault, record, due);
  } else if (is(Fault::Kind::kReply)) {
    reply = fault->response;
    if (!fault->omit_nonce && record.endpoint == Endpoint::kNewNonce) gate.AddNonce(reply);
  } else {
    reply = ServeGet(request, record.endpoint);
  }
  reply.headers.emplace_back("Link",
                             absl::StrCat("<", endpoints.directory_url(), ">;rel=\"index\""));
  if (endpoints.options.date_offset.has_value()) {
    reply.headers.emplace_back("Date", HttpDate(clock.Now() + *endpoints.options.date_offset));
  }
  if (request.method == "HEAD") reply.body.clear();
  record.status = reply.status;
  record.problem = ProblemTypeOf(reply);
  const bool unheard = is(Fault::Kind::kLostReply) || is(Fault::Kind::kEndless) ||
                       (fault.has_value() && fault->takes > request.timeout);
  if (unheard) record.status = 0;
  return reply;
}

absl::StatusOr<http::Response> FakeCa::State::Deliver(const http::Request& request,
                                                      const Fault& fault, http::Response reply) {
  std::function<void(absl::Duration)> pass_time;
  {
    MutexLock lock(&mutex);
    pass_time = endpoints.options.pass_time;
  }
  const absl::Duration takes = std::min(fault.takes, request.timeout);
  if (takes > absl::ZeroDuration() && pass_time) pass_time(takes);
  if (fault.takes > request.timeout) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "REPLY_TIMEOUT",
                     "the fake CA's reply did not come in time", {{"sent", "maybe"}});
  }
  switch (fault.kind) {
    case Fault::Kind::kLostReply:
      return TransportError("CONNECTION_LOST", "maybe");
    case Fault::Kind::kEndless:
      return TooLarge();
    case Fault::Kind::kHalf:
      reply.body.resize(reply.body.size() / 2);
      return reply;
    default:
      return reply;
  }
}

absl::Status FakeCa::State::Look(const Attempt& attempt) {
  Validator look;
  Fetch get;
  {
    MutexLock lock(&mutex);
    look = validator;
    get = fetch;
  }
  if (look) return look(attempt);
  if (!get || attempt.type != "http-01") {
    return absl::UnavailableError("the test gave the CA no way to look at this challenge");
  }
  // RFC 8555 8.3.
  const auto body = get(attempt.name, "/.well-known/acme-challenge/" + attempt.token);
  if (!body.ok()) return absl::UnavailableError(body.status().message());
  if (*body == attempt.key_authorization) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the host answered \"", Printable(*body, 100), "\""));
}

void FakeCa::State::Settle(const Due& due) {
  const absl::Status verdict = Look(due.attempt);
  MutexLock lock(&mutex);
  endpoints.NoteVerdict(*due.authorization, verdict, clock.Now());
}

FakeCa::FakeCa(const FakeCaOptions& options) : state_(std::make_unique<State>(options)) {}

FakeCa::~FakeCa() = default;

absl::StatusOr<http::Response> FakeCa::Send(const http::Request& request) {
  RequestRecord record;
  std::optional<Fault> fault;
  Due due;
  Tamper tamper;
  std::function<void(const RequestRecord&)> observer;
  std::function<void(std::function<void()>)> looks;
  absl::StatusOr<http::Response> reply = absl::UnknownError("");
  std::function<std::string(const std::string&)> chain_filter;
  {
    MutexLock lock(&state_->mutex);
    record.endpoint = state_->endpoints.KindOf(request.url);
    record.method = request.method;
    record.url = request.url;
    record.time = state_->clock.Now();
    reply = state_->Serve(request, record, fault, due);
    state_->requests.push_back(record);
    tamper = state_->tamper;
    observer = state_->observer;
    looks = state_->looks;
    chain_filter = state_->chain_filter;
  }
  if (due.authorization != nullptr) {
    if (looks) {
      looks([this, due] { state_->Settle(due); });
    } else {
      state_->Settle(due);
    }
  }
  if (reply.ok() && fault.has_value()) {
    reply = state_->Deliver(request, *fault, *std::move(reply));
  }
  if (observer) observer(record);
  if (!reply.ok()) return reply;
  const bool is_chain = record.endpoint == Endpoint::kCertificate && reply->status == 200;
  if (is_chain && chain_filter) reply->body = chain_filter(reply->body);
  if (tamper) tamper(record.endpoint, request, *reply);
  // What the adapter over libcurl promises.
  if (reply->body.size() > request.max_body_bytes) return TooLarge();
  return reply;
}

std::string FakeCa::directory_url() const {
  MutexLock lock(&state_->mutex);
  return state_->endpoints.directory_url();
}

std::string FakeCa::root_pem() const {
  MutexLock lock(&state_->mutex);
  return state_->endpoints.root_pem();
}

void FakeCa::Change(const std::function<void(FakeCaOptions&)>& change) {
  MutexLock lock(&state_->mutex);
  change(state_->endpoints.options);
}

void FakeCa::SetValidator(Validator validator) {
  MutexLock lock(&state_->mutex);
  state_->validator = std::move(validator);
}

void FakeCa::SetFetch(Fetch fetch) {
  MutexLock lock(&state_->mutex);
  state_->fetch = std::move(fetch);
}

void FakeCa::SetLooks(std::function<void(std::function<void()>)> executor) {
  MutexLock lock(&state_->mutex);
  state_->looks = std::move(executor);
}

void FakeCa::SetObserver(std::function<void(const RequestRecord&)> observer) {
  MutexLock lock(&state_->mutex);
  state_->observer = std::move(observer);
}

void FakeCa::Script(Endpoint endpoint, const Fault& fault, int times) {
  MutexLock lock(&state_->mutex);
  for (int i = 0; i < times; ++i) state_->script.Queue(endpoint, fault);
}

void FakeCa::ScriptAt(Endpoint endpoint, const Calls& calls, const Fault& fault) {
  MutexLock lock(&state_->mutex);
  state_->script.Add(endpoint, calls, fault);
}

void FakeCa::ClearScript(Endpoint endpoint) {
  MutexLock lock(&state_->mutex);
  state_->script.Clear(endpoint);
}

void FakeCa::SetTamper(Tamper tamper) {
  MutexLock lock(&state_->mutex);
  state_->tamper = std::move(tamper);
}

void FakeCa::SetCertificateFault(CertificateFault fault) {
  MutexLock lock(&state_->mutex);
  state_->endpoints.certificate_fault = fault;
}

void FakeCa::SetChainFilter(std::function<std::string(const std::string& pem)> filter) {
  MutexLock lock(&state_->mutex);
  state_->chain_filter = std::move(filter);
}

void FakeCa::InvalidateOrder(const std::string& url, const std::string& problem_type,
                             const std::string& detail) {
  MutexLock lock(&state_->mutex);
  OrderEntry* const order = state_->endpoints.ledger.OrderByUrl(url);
  NORROY_CHECK(order != nullptr);
  order->settled = "invalid";
  order->problem = ProblemText{problem_type, detail};
}

void FakeCa::SetAuthorizationStatus(const std::string& name, const std::string& status) {
  MutexLock lock(&state_->mutex);
  for (AuthorizationEntry& entry : state_->endpoints.ledger.authorizations()) {
    // What has failed stays so (RFC 8555 7.1.6), also where nobody has read it yet.
    const bool failed = entry.verdict.has_value() && !entry.verdict->ok();
    if (entry.name.text() == name && !failed) entry.status = status;
  }
}

void FakeCa::SetAccountStatus(const std::string& url, const std::string& status) {
  MutexLock lock(&state_->mutex);
  AccountEntry* const account = state_->endpoints.ledger.AccountByUrl(url);
  NORROY_CHECK(account != nullptr);
  account->status = status;
}

void FakeCa::ForgetAccounts() {
  MutexLock lock(&state_->mutex);
  for (AccountEntry& account : state_->endpoints.ledger.accounts) {
    account.url += "/forgotten";
    account.spki.clear();
  }
}

void FakeCa::MoveEndpoints() {
  MutexLock lock(&state_->mutex);
  state_->endpoints.Move();
}

void FakeCa::ChangeTerms(const std::string& url) {
  MutexLock lock(&state_->mutex);
  state_->endpoints.options.terms_of_service = url;
  for (AccountEntry& account : state_->endpoints.ledger.accounts) account.must_agree = true;
}

void FakeCa::PauseIdentifier(const std::string& name) {
  MutexLock lock(&state_->mutex);
  state_->endpoints.paused.insert(name);
}

void FakeCa::Unpause(const std::string& name) {
  MutexLock lock(&state_->mutex);
  state_->endpoints.paused.erase(name);
}

void FakeCa::SetRenewalWindow(const std::string& certificate_id, const RenewalWindow& window) {
  MutexLock lock(&state_->mutex);
  state_->endpoints.renewal_windows[certificate_id] = window;
}

std::vector<RequestRecord> FakeCa::requests() const {
  MutexLock lock(&state_->mutex);
  return state_->requests;
}

int FakeCa::count(Endpoint endpoint) const {
  MutexLock lock(&state_->mutex);
  return static_cast<int>(
      std::count_if(state_->requests.begin(), state_->requests.end(),
                    [&](const RequestRecord& record) { return record.endpoint == endpoint; }));
}

std::vector<OrderRecord> FakeCa::orders() const {
  MutexLock lock(&state_->mutex);
  std::vector<OrderRecord> records;
  for (const OrderEntry& order : state_->endpoints.ledger.orders()) {
    OrderRecord record;
    record.url = order.url;
    record.status = Ledger::StatusOf(order, state_->clock.Now());
    record.account_url = order.account_url;
    record.profile = order.profile;
    for (const challenge::Name& name : order.names) record.names.push_back(name.text());
    for (const AuthorizationEntry* entry : order.authorizations) {
      record.authorizations.push_back(entry->url);
    }
    record.handed_out = order.handed_out;
    record.finalizes = order.finalizes;
    if (!order.chains.empty()) record.certificate_pem = order.chains[0];
    record.replaces = order.replaces;
    record.exempt = order.exempt;
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<AuthorizationRecord> FakeCa::authorizations() const {
  MutexLock lock(&state_->mutex);
  std::vector<AuthorizationRecord> records;
  for (const AuthorizationEntry& entry : state_->endpoints.ledger.authorizations()) {
    records.push_back({entry.url, entry.name.text(), Ledger::StatusOf(entry, state_->clock.Now()),
                       entry.token, entry.attempts});
  }
  return records;
}

std::vector<CertificateRecord> FakeCa::certificates() const {
  MutexLock lock(&state_->mutex);
  std::vector<CertificateRecord> records;
  for (const CertificateEntry& entry : state_->endpoints.ledger.certificates()) {
    CertificateRecord record;
    record.id = entry.id;
    record.url = entry.url;
    for (const challenge::Name& name : entry.names) record.names.push_back(name.text());
    record.account_url = entry.account_url;
    record.profile = entry.profile;
    record.not_before = entry.not_before;
    record.not_after = entry.not_after;
    record.revoked = entry.revoked.has_value();
    const OrderEntry* const replacement =
        state_->endpoints.ledger.ReplacementOf(entry.id, state_->clock.Now());
    if (replacement != nullptr) record.replaced_by = replacement->url;
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::string> FakeCa::account_urls() const {
  MutexLock lock(&state_->mutex);
  std::vector<std::string> urls;
  for (const AccountEntry& account : state_->endpoints.ledger.accounts) {
    urls.push_back(account.url);
  }
  return urls;
}

std::string FakeCa::account_thumbprint(const std::string& url) const {
  MutexLock lock(&state_->mutex);
  const AccountEntry* const account = state_->endpoints.ledger.AccountByUrl(url);
  return account == nullptr ? "" : account->thumbprint;
}

int FakeCa::certificates_issued() const {
  MutexLock lock(&state_->mutex);
  return static_cast<int>(state_->endpoints.ledger.certificates().size());
}

std::vector<int> FakeCa::revocations() const {
  MutexLock lock(&state_->mutex);
  std::vector<int> reasons;
  for (const CertificateEntry& entry : state_->endpoints.ledger.certificates()) {
    if (entry.revoked.has_value()) reasons.push_back(*entry.revoked);
  }
  return reasons;
}

std::vector<std::string> FakeCa::violations() const {
  MutexLock lock(&state_->mutex);
  return state_->endpoints.violations;
}

}  // namespace norroy::fakes
