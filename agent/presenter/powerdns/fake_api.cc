#include "agent/presenter/powerdns/fake_api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "nlohmann/json.hpp"

namespace norroy::agent {
namespace {

using Json = nlohmann::json;

// A whole request; false if the peer left before.
bool ReadRequest(int connection, FakeRequest& request) {
  std::string text;
  size_t end = std::string::npos;
  size_t length = 0;
  char buffer[4096];
  while (end == std::string::npos || text.size() < end + 4 + length) {
    const ssize_t count = read(connection, buffer, sizeof(buffer));
    if (count <= 0) return false;
    text.append(buffer, static_cast<size_t>(count));
    end = text.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    request.head = text.substr(0, end);
    const std::string lower = absl::AsciiStrToLower(request.head);
    const size_t at = lower.find("content-length: ");
    if (at != std::string::npos) {
      const std::string rest = lower.substr(at + 16);
      NORROY_CHECK(absl::SimpleAtoi(rest.substr(0, rest.find('\r')), &length));
    }
  }
  request.body = text.substr(end + 4);
  const std::vector<std::string> line =
      absl::StrSplit(request.head.substr(0, request.head.find('\r')), ' ');
  NORROY_CHECK(line.size() == 3);
  request.method = line[0];
  request.target = line[1];
  return true;
}

Json SetJson(const std::string& name, const FakePowerDns::Set& set, bool hides_disabled) {
  Json records = Json::array();
  for (const auto& [content, disabled] : set.records) {
    if (disabled && hides_disabled) continue;
    records.push_back({{"content", content}, {"disabled", disabled}});
  }
  return Json{{"name", name},
              {"type", "TXT"},
              {"ttl", set.ttl},
              {"records", records},
              {"comments", Json::array()}};
}

}  // namespace

FakeApi::FakeApi(FakeBehaviour behaviour) : behaviour_(std::move(behaviour)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  NORROY_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  NORROY_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  NORROY_CHECK(listen(listener_, 64) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FakeApi::~FakeApi() {
  stopping_ = true;
  acceptor_.join();
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    for (int connection : open_) shutdown(connection, SHUT_RDWR);
    threads = std::move(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  close(listener_);
}

std::string FakeApi::url() const { return absl::StrCat("http://127.0.0.1:", port_); }

std::vector<std::string> FakeApi::requests() {
  MutexLock lock(&mutex_);
  return requests_;
}

void FakeApi::Accept() {
  while (!stopping_) {
    pollfd waiting = {listener_, POLLIN, 0};
    if (poll(&waiting, 1, 10) <= 0) continue;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    MutexLock lock(&mutex_);
    open_.insert(connection);
    threads_.emplace_back([this, connection] { Serve(connection); });
  }
}

void FakeApi::Serve(int connection) {
  FakeRequest request;
  if (ReadRequest(connection, request)) {
    {
      MutexLock lock(&mutex_);
      requests_.push_back(absl::StrCat(request.method, " ", request.target));
    }
    behaviour_(request, connection);
  }
  MutexLock lock(&mutex_);
  open_.erase(connection);
  close(connection);
}

void SendAll(int connection, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string HttpResponse(int status, absl::string_view body, absl::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", status,
                      " Whatever\r\nConnection: close\r\nContent-Length: ", body.size(), "\r\n",
                      headers, "\r\n", body);
}

FakeBehaviour Always(const std::string& bytes) {
  return [bytes](const FakeRequest&, int connection) { SendAll(connection, bytes); };
}

FakeBehaviour FakePowerDns::Behaviour() {
  return
      [this](const FakeRequest& request, int connection) { SendAll(connection, Handle(request)); };
}

std::map<std::string, FakePowerDns::Set> FakePowerDns::sets() {
  MutexLock lock(&mutex_);
  return sets_;
}

void FakePowerDns::Put(const std::string& name, const Set& set) {
  MutexLock lock(&mutex_);
  sets_[name] = set;
}

std::vector<std::string> FakePowerDns::changes() {
  MutexLock lock(&mutex_);
  return changes_;
}

std::string FakePowerDns::Handle(const FakeRequest& request) {
  if (request.target == "/api/v1/servers/localhost") {
    return HttpResponse(200, Json{{"version", version_}}.dump());
  }
  if (!absl::StartsWith(request.target, "/api/v1/servers/localhost/zones/example.com.")) {
    return HttpResponse(404, "Not Found");
  }
  return request.method == "GET" ? Read(request) : Change(request);
}

std::string FakePowerDns::Read(const FakeRequest& request) {
  MutexLock lock(&mutex_);
  if (!changes_.empty() && failing_reads > 0) {
    --failing_reads;
    return HttpResponse(500, "{\"error\": \"out of order\"}");
  }
  const bool filtered = !ignore_filter && absl::StrContains(request.target, "?");
  Json rrsets = Json::array();
  for (const auto& [name, set] : sets_) {
    const std::string filter = absl::StrCat("rrset_name=", name, "&");
    if (filtered && !absl::StrContains(request.target, filter)) continue;
    // As 4.7 does.
    const bool hides_disabled = filtered && absl::StartsWith(version_, "4.");
    Json rrset = SetJson(name, set, hides_disabled);
    if (!rrset["records"].empty()) rrsets.push_back(std::move(rrset));
  }
  return HttpResponse(200, Json{{"name", "example.com."}, {"rrsets", rrsets}}.dump());
}

std::string FakePowerDns::Change(const FakeRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  NORROY_CHECK(!body.is_discarded() && body["rrsets"].size() == 1);
  const Json& rrset = body["rrsets"][0];
  const std::string type = rrset["changetype"];
  const std::string name = rrset["name"];
  MutexLock lock(&mutex_);
  changes_.push_back(type);
  if (failing_changes > 0) {
    --failing_changes;
    return HttpResponse(500, "Internal Server Error");
  }
  const bool single = type == "EXTEND" || type == "PRUNE";
  if (single && refuse_extend) {
    return HttpResponse(422, "{\"error\": \"Changetype not understood\"}");
  }
  const auto before = sets_;
  Set& set = sets_[name];
  if (!single) set.records.clear();
  if (type != "DELETE") {
    const uint32_t ttl = rrset["ttl"];
    if (single && !set.records.empty()) NORROY_CHECK(set.ttl == ttl);
    set.ttl = ttl;
    for (const Json& record : rrset["records"]) {
      const std::pair<std::string, bool> one(record["content"], record["disabled"]);
      set.records.erase(std::remove(set.records.begin(), set.records.end(), one),
                        set.records.end());
      if (type != "PRUNE") set.records.push_back(one);
    }
  }
  if (set.records.empty()) sets_.erase(name);
  if (overwrites > 0) {
    --overwrites;
    sets_ = before;
  }
  return "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
}

}  // namespace norroy::agent
