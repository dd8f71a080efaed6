#include "validator/preflight/http_fetch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "validator/preflight/http_exchange.h"
#include "validator/preflight/lookup.h"
#include "validator/preflight/tls_dial.h"

namespace norroy::validator::preflight {
namespace {

// For the answer to one request, after the connection stands.
constexpr absl::Duration kAnswerTimeout = absl::Seconds(5);

// What an agent's own HTTP listener says to a host or path that it has no answer for.
constexpr absl::string_view kAgentNotFound = "not found\n";
constexpr absl::string_view kAgentContentType = "text/plain";

constexpr absl::string_view kWellKnown = "/.well-known/acme-challenge/";

bool IsRedirect(int status) { return status >= 300 && status < 400 && status != 304; }

// Boulder's list: 303 and 300 are not on it.
bool IsFollowed(int status) {
  return status == 301 || status == 302 || status == 307 || status == 308;
}

// URLs of redirects are what servers said.
std::string Shown(const Url& url) { return Printable(url.text(), kMaxSaid); }

class Fetching {
 public:
  Fetching(const Viewpoint& viewpoint, const HttpQuestion& question, const Deadline& deadline)
      : viewpoint_(viewpoint), question_(question), deadline_(deadline), url_(question.url) {
    visited_.push_back(url_);
  }

  Outcome Run() {
    Outcome outcome = AskFirst();
    while (!done_) {
      outcome = AskNext();
    }
    return outcome;
  }

 private:
  Outcome End(Outcome outcome) {
    done_ = true;
    return outcome;
  }
  Outcome EndWrong(absl::string_view code, absl::string_view message, absl::string_view advice) {
    return End(Wrong(code, message, advice));
  }
  Outcome EndCutShort() {
    return End(CutShort(absl::StrCat("the answer of ", Where(), " was there")));
  }

  Outcome AskFirst();
  Outcome AskNext();
  Outcome Ask(const Address& address);
  Outcome OfTls(const TlsDialled& dialled);
  Outcome OfFault(const HttpExchange& exchange);
  Outcome OfAnswer(const HttpExchange& exchange);
  Outcome OfBody(const HttpExchange& exchange);
  Outcome OfStatus(const HttpExchange& exchange);
  Outcome NotFound(const HttpExchange& exchange);
  Outcome Redirected(const HttpHead& head);
  Outcome CheckTarget(const Url& from, const Url& to);
  bool IsLogin(const HttpExchange& exchange) const;

  int PortOf(const Url& url) const {
    if (url.port != 0) return url.port;
    return url.https ? viewpoint_.ports.tls : viewpoint_.ports.http;
  }
  // "http://www.example.com/... at 192.0.2.1:80 (1. redirect)"
  std::string Where() const {
    const int redirects = static_cast<int>(visited_.size()) - 1;
    return absl::StrCat(redirects == 0 ? url_.text() : Shown(url_), " at ", place_,
                        redirects == 0 ? "" : absl::StrCat(" (redirect ", redirects, ")"));
  }

  const Viewpoint& viewpoint_;
  const HttpQuestion& question_;
  const Deadline& deadline_;
  Url url_;
  std::string place_;
  std::vector<Url> visited_;
  bool done_ = false;
};

Outcome Fetching::AskFirst() { return Ask(question_.address); }

// The target of a redirect: IPv6 first, IPv4 if nothing answers there.
Outcome Fetching::AskNext() {
  // CheckTarget lets no address pass but the one that the look is about.
  if (Address::Parse(url_.host).ok()) return Ask(question_.address);
  absl::StatusOr<std::vector<Address>> addresses = std::vector<Address>();
  const absl::StatusOr<dns::Name> host = dns::Name::Parse(url_.host);
  if (host.ok()) addresses = LookUpAddresses(viewpoint_, *host, deadline_);
  if (absl::IsCancelled(addresses.status())) {
    return End(CutShort(absl::StrCat("the addresses of ", Shown(url_),
                                     ", to which a redirect leads, could be looked up")));
  }
  if (!addresses.ok() || addresses->empty()) {
    return EndWrong("NO_ADDRESS",
                    absl::StrCat("a redirect leads to ", Shown(url_),
                                 ", and that host has no "
                                 "address in DNS"),
                    "correct the redirect, or add the host's address to DNS");
  }
  Outcome first;
  for (size_t i = 0; i < addresses->size(); ++i) {
    const Address& address = (*addresses)[i];
    const bool fallback = i > 0;
    // One of each family, as a CA takes them.
    if (fallback && address.is_v6() == addresses->front().is_v6()) continue;
    done_ = false;
    const Outcome outcome = Ask(address);
    const bool reached = outcome.seen != Seen::kUnreached && outcome.seen != Seen::kNoRoute;
    if (reached || fallback) return outcome;
    first = outcome;
  }
  return End(first);
}

Outcome Fetching::Ask(const Address& address) {
  const int port = PortOf(url_);
  place_ = address.WithPort(port);
  Connected connected =
      Connect(viewpoint_, Printable(url_.host, kMaxSaid), address, port, deadline_);
  if (connected.stream == nullptr) return End(connected.outcome);
  const Deadline until = deadline_.Within(kAnswerTimeout);
  std::unique_ptr<Stream> stream = std::move(connected.stream);
  if (url_.https) {
    // RFC 6066 3: no address is a server's name.
    const std::string name = Address::Parse(url_.host).ok() ? "" : url_.host;
    TlsDialled dialled = StartTls(std::move(stream), {.server_name = name}, until);
    if (dialled.fault == TlsFault::kTimedOut && until.cut_short()) return EndCutShort();
    if (dialled.stream == nullptr) return OfTls(dialled);
    stream = std::move(dialled.stream);
  }
  const size_t room = std::max(kMaxBody, question_.expected.size() + 2);
  const HttpExchange exchange = Get(*stream, url_, port, room, until);
  if (exchange.fault == HttpFault::kTimedOut && until.cut_short()) return EndCutShort();
  if (exchange.fault != HttpFault::kNone) return OfFault(exchange);
  return OfAnswer(exchange);
}

Outcome Fetching::OfTls(const TlsDialled& dialled) {
  const std::string why = dialled.fault == TlsFault::kTimedOut ? "gives no answer to it in time"
                          : dialled.fault == TlsFault::kClosed ? "ends the connection"
                          : dialled.fault == TlsFault::kNotTls ? "does not speak TLS there"
                                                               : dialled.text;
  return EndWrong("REDIRECT_BAD",
                  absl::StrCat("the TLS handshake for ", Where(), " fails: ",
                               dialled.fault == TlsFault::kAlert ? "the server says: " : "",
                               Printable(why, kMaxSaid)),
                  "make https work at the redirect's target (any certificate will do), or do not "
                  "redirect /.well-known/acme-challenge/");
}

Outcome Fetching::OfFault(const HttpExchange& exchange) {
  switch (exchange.fault) {
    case HttpFault::kTimedOut:
      return EndWrong(
          "NO_ANSWER",
          absl::StrCat(Where(),
                       " takes the connection and gives no whole answer "
                       "within ",
                       absl::FormatDuration(kAnswerTimeout)),
          "see why the server behind that address hangs: a proxy whose backend is away, "
          "or no workers left");
    case HttpFault::kClosed:
      return EndWrong("NO_ANSWER",
                      absl::StrCat(Where(), " closes the connection without an answer"),
                      "see the log of the server behind that address; a firewall or load balancer "
                      "without a backend does this, too");
    default:
      return EndWrong("NOT_HTTP",
                      absl::StrCat("what answers for ", Where(), " is no HTTP server; it says ",
                                   Said(exchange.first)),
                      "let a web server or the agent's listener have that port");
  }
}

Outcome Fetching::OfAnswer(const HttpExchange& exchange) {
  if (IsRedirect(exchange.head.status)) return Redirected(exchange.head);
  if (exchange.head.status == 200) return OfBody(exchange);
  return OfStatus(exchange);
}

// Away from where challenges are answered, to a page for people.
bool Fetching::IsLogin(const HttpExchange& exchange) const {
  const absl::string_view token = absl::string_view(question_.url.path).substr(kWellKnown.size());
  return visited_.size() > 1 && !absl::EndsWith(url_.path, token) &&
         absl::StrContains(exchange.head.content_type, "html");
}

Outcome Fetching::OfBody(const HttpExchange& exchange) {
  const absl::string_view body = absl::StripTrailingAsciiWhitespace(exchange.body);
  const bool too_long = exchange.body.size() >= std::max(kMaxBody, question_.expected.size() + 2);
  if (body == question_.expected && !too_long) return End({});
  if (IsLogin(exchange)) return OfStatus(exchange);
  if (absl::StartsWith(body, question_.expected)) {
    return EndWrong("BODY_TOO_LONG",
                    absl::StrCat(Where(), " answers with the key authorization and more after it"),
                    "serve the file as it is: no footer, no injected script, no second line");
  }
  return EndWrong("WRONG_ANSWER",
                  absl::StrCat(Where(), " answers 200 with something else: ", Said(body)),
                  "another virtual host or site answered: route /.well-known/acme-challenge/ of "
                  "this name to the agent, or give the agent this site's web root");
}

Outcome Fetching::NotFound(const HttpExchange& exchange) {
  const bool agent = exchange.body == kAgentNotFound &&
                     absl::StartsWith(exchange.head.content_type, kAgentContentType);
  if (agent) {
    return EndWrong("AGENT_HAS_NO_ANSWER",
                    absl::StrCat(Where(),
                                 " reaches an agent's listener, which has no answer for "
                                 "this host and token"),
                    "if a proxy stands in front, let it pass the Host header on unchanged (its log "
                    "and the agent's name the host that arrived); else see that the agent behind "
                    "this address has the name in its scope and grants");
  }
  return EndWrong("NOT_FOUND", absl::StrCat(Where(), " answers ", exchange.head.status),
                  "the request does not get to the agent: another virtual host, another web root, "
                  "or a proxy without a rule for /.well-known/acme-challenge/");
}

Outcome Fetching::OfStatus(const HttpExchange& exchange) {
  const int status = exchange.head.status;
  if (status >= 500) {
    return EndWrong("SERVER_ERROR", absl::StrCat(Where(), " answers ", status),
                    "the server or the backend of its proxy is broken: see its error log");
  }
  if (IsLogin(exchange)) {
    return EndWrong("REDIRECT_LOGIN",
                    absl::StrCat("the challenge's URL redirects to ", Where(), ", a web page (",
                                 status, ") and no answer: a login, mostly"),
                    "exempt /.well-known/acme-challenge/ from the login and from catch-all "
                    "redirects");
  }
  if (status == 404 || status == 410) return NotFound(exchange);
  if (status == 401 || status == 403 || status == 407) {
    return EndWrong("FORBIDDEN", absl::StrCat(Where(), " answers ", status),
                    "a proxy or access rule stands in front: let everybody GET "
                    "/.well-known/acme-challenge/, without a login and from any country");
  }
  return EndWrong("WRONG_ANSWER", absl::StrCat(Where(), " answers ", status, ", not 200"),
                  "see that the request reaches the agent or its web root, by plain HTTP");
}

// An empty outcome: it may be followed.
Outcome Fetching::CheckTarget(const Url& from, const Url& to) {
  const std::string what = absl::StrCat(from.text(), " redirects to ", Shown(to));
  const std::string shown =
      visited_.size() > 1 ? absl::StrCat("the redirect to ", Shown(to)) : what;
  if (std::find(visited_.begin(), visited_.end(), to) != visited_.end()) {
    return EndWrong("REDIRECT_LOOP", absl::StrCat(shown, " closes a circle"),
                    "end the circle: often http to https at the server and https to http at a "
                    "proxy that ends TLS");
  }
  if (visited_.size() > static_cast<size_t>(kMaxRedirects)) {
    return EndWrong("REDIRECT_TOO_MANY",
                    absl::StrCat(shown, " is one more than the ", kMaxRedirects,
                                 " redirects that a CA follows"),
                    "answer /.well-known/acme-challenge/ with fewer redirects, best with none");
  }
  // RFC 8738 4: of an address, the host of its URL is the address.
  const absl::StatusOr<Address> address = Address::Parse(to.host);
  const absl::StatusOr<Address> own = Address::Parse(question_.url.host);
  if (address.ok() && !(own.ok() && *own == *address)) {
    return EndWrong("REDIRECT_BAD", absl::StrCat(shown, ": an address, not a host name"),
                    "redirect to a host name, or do not redirect /.well-known/acme-challenge/");
  }
  if (absl::EndsWith(to.host, ".well-known")) {
    return EndWrong("REDIRECT_BAD",
                    absl::StrCat(shown, ": the slash between host and path is missing"),
                    "end the redirect's target with a slash: \"https://www.example.com/\"");
  }
  const int port = PortOf(to);
  if (port != viewpoint_.ports.http && port != viewpoint_.ports.tls) {
    return EndWrong("REDIRECT_BAD",
                    absl::StrCat(shown, ": port ", port, ", where a CA goes to ",
                                 viewpoint_.ports.http, " and ", viewpoint_.ports.tls, " only"),
                    "redirect to the ordinary port, or do not redirect "
                    "/.well-known/acme-challenge/");
  }
  return {};
}

Outcome Fetching::Redirected(const HttpHead& head) {
  if (!IsFollowed(head.status)) {
    return EndWrong(
        "REDIRECT_BAD",
        absl::StrCat(Where(), " redirects by status ", head.status, ", which CAs do not follow"),
        "redirect by 301, 302, 307 or 308, or not at all");
  }
  const absl::StatusOr<Url> to = ResolveLocation(url_, head.location);
  if (!to.ok()) {
    return EndWrong("REDIRECT_BAD",
                    absl::StrCat(Where(), " redirects to ", Said(head.location),
                                 ", which a CA does not follow: ", to.status().message()),
                    "correct the redirect, or exempt /.well-known/acme-challenge/ from it");
  }
  const Outcome refused = CheckTarget(url_, *to);
  if (done_) return refused;
  visited_.push_back(*to);
  url_ = *to;
  return {};
}

}  // namespace

Outcome Fetch(const Viewpoint& viewpoint, const HttpQuestion& question, const Deadline& deadline) {
  return Fetching(viewpoint, question, deadline).Run();
}

}  // namespace norroy::validator::preflight
