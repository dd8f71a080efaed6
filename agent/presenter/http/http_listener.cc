#include "agent/presenter/http/http_listener.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/presenter/listen_set.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

absl::Status BadConfig(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("http_listener: ", what));
}

absl::Status TokenNeedsLocal(absl::string_view place) {
  return BadConfig(absl::StrCat(
      "match: token answers for any Host, so every address must be loopback or a Unix socket; ",
      place, " is not. Use match: host, or listen where only a proxy on this machine gets"));
}

absl::StatusOr<std::vector<ListenAddress>> ParseAddresses(const HttpListenerOptions& options) {
  NORROY_ASSIGN_OR_RETURN(std::vector<ListenAddress> addresses,
                          ParseListen("http_listener", options.listen));
  for (const ListenAddress& address : addresses) {
    if (options.match_token && !address.may_be_local()) return TokenNeedsLocal(address.text());
  }
  return addresses;
}

absl::StatusOr<std::set<std::string>> ParseHosts(const HttpListenerOptions& options) {
  if (options.accept_hosts.size() > kMaxAcceptHosts) {
    return BadConfig(absl::StrCat("accept_hosts has over ", kMaxAcceptHosts, " entries"));
  }
  std::set<std::string> hosts;
  for (const std::string& text : options.accept_hosts) {
    auto host = NormalHost(text);
    if (!host.has_value()) {
      return BadConfig(
          absl::StrCat("accept_hosts: \"", Printable(text), "\" is no host name or address"));
    }
    hosts.insert(*std::move(host));
  }
  return hosts;
}

absl::StatusOr<ListenSet> BindAll(const HttpListenerOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<ListenAddress> addresses, ParseAddresses(options));
  NORROY_ASSIGN_OR_RETURN(ListenSet sockets, ListenSet::Bind(addresses, "http"));
  for (const BoundSocket& socket : sockets.sockets()) {
    // An inherited socket shows only now where it is.
    if (options.match_token && !socket.local) return TokenNeedsLocal(socket.place);
  }
  return sockets;
}

std::string Response(absl::string_view status, absl::string_view body, bool with_body) {
  return absl::StrCat("HTTP/1.1 ", status,
                      "\r\nContent-Type: text/plain"
                      "\r\nX-Content-Type-Options: nosniff"
                      "\r\nCache-Control: no-store"
                      "\r\nContent-Length: ",
                      body.size(), "\r\nConnection: close\r\n\r\n",
                      with_body ? body : absl::string_view());
}

}  // namespace

HttpResponse AnswerHttp(const HttpParse& parse, HttpTable& table) {
  if (parse.state != HttpParseState::kComplete) {
    return {HttpResponse::Kind::kBad, Response("400 Bad Request", "bad request\n", true)};
  }
  const HttpRequest& request = parse.request;
  // RFC 9110 9.3.2: HEAD is GET without the content.
  const bool with_body = request.method != HttpMethod::kHead;
  std::optional<std::string> answer;
  if (request.method != HttpMethod::kOther) answer = table.Find(request.host, request.path);
  if (!answer.has_value()) {
    return {HttpResponse::Kind::kUnknown, Response("404 Not Found", "not found\n", with_body)};
  }
  return {HttpResponse::Kind::kServed, Response("200 OK", *answer, with_body)};
}

absl::Status HttpListener::Check(const HttpListenerOptions& options) {
  NORROY_RETURN_IF_ERROR(ParseAddresses(options).status());
  return ParseHosts(options).status();
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(
    const HttpListenerOptions& options) {
  HttpTableOptions table;
  table.any_host = options.match_token;
  NORROY_ASSIGN_OR_RETURN(table.accept_hosts, ParseHosts(options));
  NORROY_ASSIGN_OR_RETURN(ListenSet sockets, BindAll(options));
  std::unique_ptr<HttpListener> listener(new HttpListener(std::move(table)));
  for (const BoundSocket& socket : sockets.sockets()) listener->places_.push_back(socket.place);
  HttpListener& self = *listener;
  NORROY_ASSIGN_OR_RETURN(listener->server_, StartHttpServer(std::move(sockets), options.limits,
                                                             [&self](const HttpParse& parse) {
                                                               return self.Answer(parse);
                                                             }));
  return listener;
}

std::string HttpListener::Answer(const HttpParse& parse) {
  HttpResponse response = AnswerHttp(parse, table_);
  if (response.kind == HttpResponse::Kind::kServed) NORROY_FAILPOINT("agent.probed");
  if (response.kind == HttpResponse::Kind::kServed) ++served_;
  if (response.kind == HttpResponse::Kind::kUnknown) ++unknown_;
  return std::move(response.bytes);
}

absl::StatusOr<std::string> HttpListener::PutUp(const challenge::Proof& proof, const std::string&) {
  NORROY_RETURN_IF_ERROR(table_.Add(proof));
  return absl::StrJoin(places_, ", ");
}

absl::Status HttpListener::TakeDown(const challenge::Proof& proof, const std::string&) {
  table_.Remove(proof);
  return absl::OkStatus();
}

}  // namespace norroy::agent
