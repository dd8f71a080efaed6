#include "common/http/curl_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/http/reply_reader.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::http {
namespace {

constexpr size_t kMaxIdleHandles = 64;
constexpr size_t kMaxUrlBytes = 8 * 1024;
constexpr size_t kMaxRootFileBytes = 4 * 1024 * 1024;
constexpr long kConnectTimeoutMs = 10'000;
// A reply that moves less than this for so long is given up.
constexpr long kLowSpeedBytesPerSecond = 1;
constexpr long kLowSpeedSeconds = 30;

struct HandleDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, HandleDeleter>;

struct HeaderListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

bool HasControlCharacters(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(c)) return true;
  }
  return false;
}

// One request on its way: what libcurl's callbacks write into.
struct Exchange {
  Exchange(const Request& request, const std::function<bool()>& may_go_on)
      : request(request), may_go_on(may_go_on), reply(request.max_body_bytes) {}
  bool MayGoOn() const { return !may_go_on || may_go_on(); }

  const Request& request;
  const std::function<bool()>& may_go_on;
  ReplyReader reply;
  int sends = 0;
  char error[CURL_ERROR_SIZE] = "";
};

// Called with a connection ready, just before the request is written to it.
int OnReadyToSend(void* context, char*, char*, int, int) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  if (!exchange.MayGoOn()) return CURL_PREREQFUNC_ABORT;
  ++exchange.sends;
  // libcurl repeats a request by itself when a kept connection dies under it. A POST may have been
  // acted upon: whether it is sent again is the caller's decision.
  if (exchange.sends > 1 && exchange.request.method == "POST") return CURL_PREREQFUNC_ABORT;
  return CURL_PREREQFUNC_OK;
}

int OnProgress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Exchange*>(context)->MayGoOn() ? 0 : 1;
}

size_t OnHeader(char* data, size_t size, size_t count, void* context) {
  const absl::string_view line(data, size * count);
  return static_cast<Exchange*>(context)->reply.OnHeaderLine(line) ? line.size() : 0;
}

size_t OnBody(char* data, size_t size, size_t count, void* context) {
  const absl::string_view piece(data, size * count);
  return static_cast<Exchange*>(context)->reply.OnBody(piece) ? piece.size() : 0;
}

absl::Status CheckRequest(const Request& request) {
  const auto refuse = [&request](absl::string_view why) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_HTTP_REQUEST",
                     absl::StrCat(request.method, " ", Printable(request.url, 200), ": ", why));
  };
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    return refuse("the method must be GET, HEAD or POST");
  }
  if (!absl::StartsWithIgnoreCase(request.url, "https://")) {
    return refuse("the URL must begin with https://");
  }
  if (request.url.size() > kMaxUrlBytes) {
    return refuse(absl::StrCat("the URL is longer than ", kMaxUrlBytes, " bytes"));
  }
  if (HasControlCharacters(request.url)) return refuse("the URL has control characters");
  for (const auto& [name, value] : request.headers) {
    if (HasControlCharacters(name) || HasControlCharacters(value)) {
      return refuse("a header has control characters");
    }
  }
  return absl::OkStatus();
}

HeaderList BuildHeaders(const Request& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, absl::StrCat(name, ": ", value).c_str());
  }
  // Neither a wait for "100 Continue" nor a form's content type that we did not ask for.
  list = curl_slist_append(list, "Expect:");
  bool typed = false;
  for (const auto& header : request.headers) {
    typed = typed || absl::EqualsIgnoreCase(header.first, "Content-Type");
  }
  if (!typed) list = curl_slist_append(list, "Content-Type:");
  return HeaderList(list);
}

bool IsTlsRefusal(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR;
}

absl::Status ToError(const Exchange& exchange, CURLcode code) {
  const Request& request = exchange.request;
  const ErrorMetadata metadata = {{"sent", exchange.sends == 0 ? "no" : "maybe"}};
  const std::string what = absl::StrCat(request.method, " ", Printable(request.url, 200), ": ");
  // libcurl has a cap of its own on a header line, which it reports like this.
  const bool line_too_long = code == CURLE_OUT_OF_MEMORY && !exchange.reply.headers_complete();
  if (exchange.reply.too_large() || line_too_long) {
    return MakeError(absl::StatusCode::kResourceExhausted, "REPLY_TOO_LARGE",
                     absl::StrCat(what, "the reply has more than ", kMaxHeaderBytes,
                                  " bytes of headers or ", request.max_body_bytes, " of body"),
                     metadata);
  }
  const std::string why =
      Printable(exchange.error[0] != '\0' ? exchange.error : curl_easy_strerror(code), 300);
  if (exchange.sends == 0) {
    return MakeError(absl::StatusCode::kUnavailable,
                     IsTlsRefusal(code) ? "TLS_REFUSED" : "CONNECT_FAILED",
                     absl::StrCat(what, "no connection: ", why), metadata);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "REPLY_TIMEOUT",
                     absl::StrCat(what, "no complete reply in time: ", why), metadata);
  }
  return MakeError(absl::StatusCode::kUnavailable, "CONNECTION_LOST",
                   absl::StrCat(what, "no complete reply: ", why), metadata);
}

class CurlClient final : public Client {
 public:
  explicit CurlClient(const CurlOptions& options) : options_(options) {}

  absl::StatusOr<Response> Send(const Request& request) override {
    NORROY_RETURN_IF_ERROR(CheckRequest(request));
    Handle handle = TakeHandle();
    if (handle == nullptr) {
      return MakeError(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "libcurl gave no handle",
                       {{"sent", "no"}});
    }
    Exchange exchange(request, options_.may_go_on);
    if (!exchange.MayGoOn()) {
      return MakeError(absl::StatusCode::kUnavailable, "HELD_BACK",
                       "this process may not make requests now", {{"sent", "no"}});
    }
    const HeaderList headers = BuildHeaders(request);
    SetTransport(handle.get());
    SetRequest(handle.get(), exchange, headers.get());
    const CURLcode code = curl_easy_perform(handle.get());
    // The pointers in the handle end with this call.
    curl_easy_reset(handle.get());
    GiveBack(std::move(handle));
    if (code != CURLE_OK) return ToError(exchange, code);
    // libcurl is content with a header that breaks off.
    if (!exchange.reply.headers_complete()) return ToError(exchange, CURLE_PARTIAL_FILE);
    return std::move(exchange.reply.response());
  }

 private:
  void SetTransport(CURL* handle) const {
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.root_file.empty()) {
      curl_easy_setopt(handle, CURLOPT_CAINFO, options_.root_file.c_str());
      // Debian's libcurl would trust the system's folder of CAs beside the file.
      curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    }
    // An empty string, unlike none, keeps the environment's proxy variables out.
    curl_easy_setopt(handle, CURLOPT_PROXY, options_.proxy.c_str());
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!options_.bind_address.empty()) {
      const std::string local = absl::StrCat("host!", options_.bind_address);
      curl_easy_setopt(handle, CURLOPT_INTERFACE, local.c_str());
    }
    if (!options_.user_agent.empty()) {
      curl_easy_setopt(handle, CURLOPT_USERAGENT, options_.user_agent.c_str());
    }
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
  }

  static void SetRequest(CURL* handle, Exchange& exchange, curl_slist* headers) {
    const Request& request = exchange.request;
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    const int64_t timeout_ms = absl::ToInt64Milliseconds(request.timeout);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                     static_cast<long>(std::clamp<int64_t>(timeout_ms, 1, 3'600'000)));
    if (request.method == "HEAD") {
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST") {
      curl_easy_setopt(handle, CURLOPT_POST, 1L);
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange.error);
    if (exchange.may_go_on) {
      curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
      curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
      curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
    }
    curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, &OnReadyToSend);
    curl_easy_setopt(handle, CURLOPT_PREREQDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  }

  Handle TakeHandle() {
    MutexLock lock(&mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void GiveBack(Handle handle) {
    MutexLock lock(&mutex_);
    if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(handle));
  }

  const CurlOptions options_;
  Mutex mutex_;
  std::vector<Handle> idle_ ABSL_GUARDED_BY(mutex_);  // the most recently used last
};

absl::Status CheckRootFile(const std::string& path) {
  const auto refuse = [&path](absl::string_view why) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_ROOT_FILE",
                     absl::StrCat("root_file ", Printable(path, 300), ": ", why));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse("cannot be read");
  std::string text(kMaxRootFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxRootFileBytes) {
    return refuse(absl::StrCat("is longer than ", kMaxRootFileBytes, " bytes"));
  }
  if (!absl::StrContains(text, "-----BEGIN CERTIFICATE-----")) {
    return refuse("has no PEM certificate in it");
  }
  return absl::OkStatus();
}

absl::Status InitializeLibrary() {
  static std::once_flag once;
  static CURLcode result = CURLE_FAILED_INIT;
  std::call_once(once, [] { result = curl_global_init(CURL_GLOBAL_DEFAULT); });
  if (result == CURLE_OK) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("libcurl: ", curl_easy_strerror(result)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> NewCurlClient(const CurlOptions& options) {
  NORROY_RETURN_IF_ERROR(InitializeLibrary());
  if (!options.root_file.empty()) NORROY_RETURN_IF_ERROR(CheckRootFile(options.root_file));
  return std::make_unique<CurlClient>(options);
}

}  // namespace norroy::http
