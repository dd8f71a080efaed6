#include "issuer/acme/exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"
#include "issuer/acme/jws.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {
namespace {

constexpr absl::Duration kDirectoryLifetime = absl::Hours(6);
constexpr absl::Duration kRequestTimeout = absl::Seconds(60);
constexpr absl::Duration kFirstBackOff = absl::Milliseconds(50);
constexpr absl::Duration kLongestBackOff = absl::Seconds(1);
constexpr size_t kMaxNonceHeaders = 4;
constexpr absl::Duration kClocksAgree = absl::Minutes(5);
constexpr absl::Duration kClockWarningPause = absl::Hours(1);
// RFC 8555 6.1: required; ours says nothing of the host or the version.
constexpr char kUserAgent[] = "norroy/0.1";
constexpr char kReplayNonce[] = "Replay-Nonce";

bool IsSuccess(int status) { return status >= 200 && status < 300; }

// A directory's URL that is no more.
bool IsGone(int status) { return status == 404 || status == 405; }

// RFC 8555 7.3.5: a conflict names the account that has the key.
absl::Status WithLocation(const absl::Status& status, const http::Response& reply) {
  ErrorMetadata metadata = ErrorMetadataOf(status);
  metadata["location"] = Printable(reply.Header("Location"), 300);
  absl::Status located = MakeError(status.code(), ErrorReason(status), status.message(), metadata);
  const auto problem = status.GetPayload(kProblemPayload);
  if (problem.has_value()) located.SetPayload(kProblemPayload, *problem);
  return located;
}

// What a reply that is no success means. Its status decides, whatever its content type says.
absl::Status RefusalOf(absl::string_view what, const http::Response& reply, absl::Time now) {
  if (reply.status >= 400 && reply.status <= 599) {
    const absl::Status status = WithContext(ToStatus(ProblemOfReply(reply, now)), what);
    return reply.status == 409 ? WithLocation(status, reply) : status;
  }
  if (reply.status >= 300 && reply.status < 400) {
    return CaProtocolError(what, absl::StrCat("HTTP ", reply.status, " to \"",
                                              Printable(reply.Header("Location"), 300),
                                              "\": redirects are not followed"));
  }
  return CaProtocolError(what, absl::StrCat("HTTP status ", reply.status));
}

bool IsBadNonce(const http::Response& reply, absl::Time now) {
  // RFC 8555 6.5.
  return reply.status >= 400 && ProblemOfReply(reply, now).acme_type() == "badNonce";
}

absl::Status OutOfTries(const Call& call, int tries, const http::Response& reply, absl::Time now) {
  const absl::Status refusal = ToStatus(ProblemOfReply(reply, now));
  absl::Status status = MakeError(absl::StatusCode::kUnavailable, "CA_UNAVAILABLE",
                                  absl::StrCat(call.what, ": the CA refused ", tries,
                                               " fresh nonces in a row; try again later"),
                                  {{"acme_type", "badNonce"}, {"sent", "no"}});
  const auto problem = refusal.GetPayload(kProblemPayload);
  if (problem.has_value()) status.SetPayload(kProblemPayload, *problem);
  return status;
}

}  // namespace

void Exchange::SetAccountUrl(const std::string& url) {
  MutexLock lock(&mutex_);
  account_url_ = url;
}

std::string Exchange::account_url() const {
  MutexLock lock(&mutex_);
  return account_url_;
}

absl::StatusOr<std::string> Exchange::Kid() const {
  MutexLock lock(&mutex_);
  if (!account_url_.empty()) return account_url_;
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT",
                   "no account is registered at this CA for this key: register one first");
}

void Exchange::ForgetDirectory() {
  MutexLock lock(&mutex_);
  directory_.reset();
}

absl::StatusOr<Directory> Exchange::GetDirectory(absl::Duration deadline) {
  const absl::Duration now = parts_.clock.Monotonic();
  {
    MutexLock lock(&mutex_);
    const bool fresh = directory_.has_value() && now - directory_->fetched < kDirectoryLifetime;
    if (fresh) return directory_->directory;
  }
  Budget budget{deadline};
  http::Request request;
  request.purpose = "directory";
  request.url = directory_url_;
  request.max_body_bytes = kMaxDirectoryBytes;
  NORROY_ASSIGN_OR_RETURN(const http::Response reply, Send(std::move(request), budget));
  if (!IsSuccess(reply.status)) return RefusalOf("directory", reply, parts_.clock.Now());
  NORROY_ASSIGN_OR_RETURN(Directory directory, Directory::Parse(reply.body, urls_));
  MutexLock lock(&mutex_);
  directory_ = Cached{directory, now};
  return directory;
}

absl::StatusOr<http::Response> Exchange::Send(http::Request request, Budget& budget) {
  const absl::Duration left = budget.deadline - parts_.clock.Monotonic();
  if (left <= absl::ZeroDuration() || budget.requests >= kMaxRequests) {
    return MakeError(
        absl::StatusCode::kUnavailable, "CA_UNAVAILABLE",
        absl::StrCat(request.method, " ", Printable(request.url, 200),
                     ": not sent, the call's time or its ", kMaxRequests, " requests are used up"),
        {{"sent", "no"}});
  }
  ++budget.requests;
  ++requests_;
  request.timeout = std::min(kRequestTimeout, left);
  request.headers.emplace_back("User-Agent", kUserAgent);
  request.headers.emplace_back("Accept-Language", "en");
  absl::StatusOr<http::Response> reply = parts_.http.Send(request);
  if (reply.ok()) CompareClocks(*reply);
  return reply;
}

void Exchange::CompareClocks(const http::Response& reply) {
  const absl::Time now = parts_.clock.Now();
  const std::optional<absl::Time> date = http::ParseDate(reply.Header("Date"), now);
  if (!date.has_value() || absl::AbsDuration(*date - now) <= kClocksAgree) return;
  {
    MutexLock lock(&mutex_);
    const absl::Duration moment = parts_.clock.Monotonic();
    if (moment < next_clock_warning_) return;
    next_clock_warning_ = moment + kClockWarningPause;
  }
  log::Warning("acme", "the CA's clock and this machine's are far apart: is this one right?",
               {{"directory", directory_url_},
                {"ca_time", absl::FormatTime(*date, absl::UTCTimeZone())},
                {"our_time", absl::FormatTime(now, absl::UTCTimeZone())}});
}

void Exchange::KeepNonces(const http::Response& reply) {
  size_t taken = 0;
  for (const std::string& nonce : reply.HeaderValues(kReplayNonce)) {
    if (++taken <= kMaxNonceHeaders) nonces_.Put(nonce);
  }
}

absl::StatusOr<Nonce> Exchange::FetchNonce(const std::string& url, Budget& budget) {
  // RFC 8555 7.2: HEAD is enough. Servers are known that forget the header there.
  for (const char* const method : {"HEAD", "GET"}) {
    http::Request request;
    request.purpose = "newNonce";
    request.method = method;
    request.url = url;
    NORROY_ASSIGN_OR_RETURN(const http::Response reply, Send(std::move(request), budget));
    if (IsGone(reply.status)) ForgetDirectory();
    if (!IsSuccess(reply.status)) return RefusalOf("newNonce", reply, parts_.clock.Now());
    // Not by way of the pool: another thread would take it.
    std::optional<Nonce> nonce = nonces_.Claim(reply.Header(kReplayNonce));
    if (nonce.has_value()) return *std::move(nonce);
  }
  return CaProtocolError("newNonce",
                         "neither HEAD nor GET brought a usable, new Replay-Nonce header");
}

absl::StatusOr<Nonce> Exchange::TakeNonce(Budget& budget) {
  std::optional<Nonce> kept = nonces_.Take();
  if (kept.has_value()) return *std::move(kept);
  NORROY_ASSIGN_OR_RETURN(const Directory directory, GetDirectory(budget.deadline));
  absl::StatusOr<Nonce> nonce = FetchNonce(directory.new_nonce, budget);
  if (nonce.ok() || ErrorReason(nonce.status()) == "CA_PROTOCOL") return nonce;
  NORROY_ASSIGN_OR_RETURN(const Directory again, GetDirectory(budget.deadline));
  if (again.new_nonce == directory.new_nonce) return nonce;
  return FetchNonce(again.new_nonce, budget);
}

void Exchange::BackOff(int tries, const Budget& budget) {
  if (tries < kNonceTriesAtOnce) return;
  const int doublings = std::min(tries - kNonceTriesAtOnce, 10);
  const absl::Duration longest = std::min(kLongestBackOff, kFirstBackOff * (1 << doublings));
  const absl::Duration left = budget.deadline - parts_.clock.Monotonic();
  // Between half of it and all, so that callers who failed together do not return together.
  const absl::Duration pause = longest * (0.5 + 0.5 * parts_.random.Fraction());
  parts_.sleep(std::clamp(pause, absl::ZeroDuration(), std::max(left, absl::ZeroDuration())));
}

absl::StatusOr<http::Response> Exchange::PostOnce(const Call& call, const std::string& kid,
                                                  Nonce nonce, Budget& budget) {
  http::Request request;
  request.purpose = call.what;
  request.method = "POST";
  request.url = call.url;
  request.max_body_bytes = call.max_body_bytes;
  // RFC 8555 6.2.
  request.headers.emplace_back("Content-Type", "application/jose+json");
  request.headers.emplace_back("Accept", call.accept);
  NORROY_ASSIGN_OR_RETURN(
      request.body, SignJws(*signer_.load(), {call.url, kid}, std::move(nonce), call.payload));
  NORROY_ASSIGN_OR_RETURN(http::Response reply, Send(std::move(request), budget));
  // RFC 8555 6.5: every reply to a POST may bring one, errors too.
  KeepNonces(reply);
  return reply;
}

absl::StatusOr<http::Response> Exchange::PostSigned(const Call& call, const std::string& kid) {
  NORROY_RETURN_IF_ERROR(urls_.Check(call.what, call.url));
  Budget budget{call.deadline};
  for (int tries = 1;; ++tries) {
    NORROY_ASSIGN_OR_RETURN(Nonce nonce, TakeNonce(budget));
    absl::StatusOr<http::Response> reply = PostOnce(call, kid, std::move(nonce), budget);
    if (!reply.ok()) return WithContext(reply.status(), call.what);
    const absl::Time now = parts_.clock.Now();
    if (!IsBadNonce(*reply, now)) return reply;
    // RFC 8555 6.5: the refusal brings a nonce to try with. A CA that brings none may have
    // forgotten those from before, too.
    if (reply->HeaderValues(kReplayNonce).empty()) nonces_.Clear();
    const bool spent = tries >= kNonceTries || budget.requests >= kMaxRequests;
    if (spent) return OutOfTries(call, tries, *reply, now);
    BackOff(tries, budget);
  }
}

absl::StatusOr<http::Response> Exchange::Get(const std::string& what, const std::string& url,
                                             size_t max_body_bytes, absl::Duration deadline) {
  NORROY_RETURN_IF_ERROR(urls_.Check(what, url));
  Budget budget{deadline};
  http::Request request;
  request.url = url;
  request.max_body_bytes = max_body_bytes;
  request.headers.emplace_back("Accept", "application/json");
  absl::StatusOr<http::Response> reply = Send(std::move(request), budget);
  if (!reply.ok()) return WithContext(reply.status(), what);
  if (!IsSuccess(reply->status)) return RefusalOf(what, *reply, parts_.clock.Now());
  return reply;
}

absl::StatusOr<http::Response> Exchange::Post(const Call& call) {
  NORROY_ASSIGN_OR_RETURN(const std::string kid, Kid());
  NORROY_ASSIGN_OR_RETURN(http::Response reply, PostSigned(call, kid));
  if (!IsSuccess(reply.status)) return RefusalOf(call.what, reply, parts_.clock.Now());
  return reply;
}

absl::StatusOr<http::Response> Exchange::PostTo(std::string Directory::*resource, bool kid,
                                                const Call& call, const Payload& payload) {
  std::string account;
  if (kid) {
    NORROY_ASSIGN_OR_RETURN(account, Kid());
  }
  std::string tried;
  for (;;) {
    NORROY_ASSIGN_OR_RETURN(const Directory directory, GetDirectory(call.deadline));
    Call attempt = call;
    attempt.url = directory.*resource;
    if (attempt.url.empty()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "CA_LACKS",
                       absl::StrCat("the CA's directory has no ", call.what));
    }
    NORROY_ASSIGN_OR_RETURN(attempt.payload, payload(attempt.url));
    NORROY_ASSIGN_OR_RETURN(http::Response reply, PostSigned(attempt, account));
    if (IsSuccess(reply.status)) return reply;
    // The same URL once more would get the same answer.
    const bool moved = IsGone(reply.status) && tried.empty();
    if (IsGone(reply.status)) ForgetDirectory();
    if (!moved) return RefusalOf(call.what, reply, parts_.clock.Now());
    tried = attempt.url;
    NORROY_ASSIGN_OR_RETURN(const Directory again, GetDirectory(call.deadline));
    if (again.*resource == tried) return RefusalOf(call.what, reply, parts_.clock.Now());
  }
}

}  // namespace norroy::acme
