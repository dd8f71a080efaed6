#include "tests/harness/powerdns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

constexpr char kSchema[] = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
constexpr char kServer[] = "/api/v1/servers/localhost";

int Connect(const std::string& address, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NORROY_CHECK(fd >= 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  NORROY_CHECK(inet_pton(AF_INET, address.c_str(), &to.sin_addr) == 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) return fd;
  close(fd);
  return -1;
}

std::string Exchange(int fd, const std::string& request) {
  std::string reply;
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
      static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
      reply.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return reply;
}

std::string JsonString(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

// The longest of the zones that holds the name; both absolute.
std::string ZoneOf(const std::vector<std::string>& zones, const std::string& name) {
  std::string best;
  for (const std::string& zone : zones) {
    const std::string absolute = absl::StrCat(absl::StripSuffix(zone, "."), ".");
    const bool within = name == absolute || absl::EndsWith(name, "." + absolute);
    if (within && absolute.size() > best.size()) best = absolute;
  }
  NORROY_CHECK(!best.empty());
  return best;
}

// What dig prints of a TXT record ("\"a\\\"b\" \"c\""), its strings joined.
std::string Unquoted(absl::string_view line) {
  std::string text;
  bool inside = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      inside = !inside;
    } else if (inside) {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      text.push_back(line[i]);
    }
  }
  return text;
}

}  // namespace

std::unique_ptr<PowerDns> PowerDns::Start(const std::string& dir, const Options& options) {
  std::unique_ptr<PowerDns> server(new PowerDns(options));
  if (server->options_.dns_port == 0) server->options_.dns_port = FreePort();
  if (server->options_.api_port == 0) server->options_.api_port = FreePort();
  const std::string database = dir + "/pdns.sqlite3";
  server->log_ = dir + "/pdns.log";
  // A Unix socket's path is short.
  server->socket_dir_ = "/tmp/norroy-pdns-XXXXXX";
  NORROY_CHECK(mkdtemp(server->socket_dir_.data()) != nullptr);
  const Output made = RunProgram({"/usr/bin/sqlite3", database, absl::StrCat(".read ", kSchema)});
  if (made.code != 0) std::fprintf(stderr, "%s\n", made.err.c_str());
  NORROY_CHECK(made.code == 0);
  std::vector<std::string> argv = {"/usr/sbin/pdns_server",
                                   "--no-config",
                                   "--config-dir=" + dir,
                                   "--daemon=no",
                                   "--guardian=no",
                                   "--local-address=" + options.address,
                                   absl::StrCat("--local-port=", server->dns_port()),
                                   "--api=yes",
                                   "--webserver=yes",
                                   "--webserver-address=" + options.address,
                                   "--webserver-allow-from=127.0.0.0/8",
                                   absl::StrCat("--webserver-port=", server->api_port()),
                                   absl::StrCat("--api-key=", kApiKey),
                                   "--socket-dir=" + server->socket_dir_,
                                   "--launch=gsqlite3",
                                   "--gsqlite3-database=" + database,
                                   "--security-poll-suffix="};
  argv.insert(argv.end(), options.settings.begin(), options.settings.end());
  server->process_ = Process::Start(argv, server->log_);
  const bool up = Eventually(
      [&] { return !server->process_->running() || server->Api("GET", kServer).status == 200; });
  if (!up || !server->process_->running()) std::fprintf(stderr, "%s\n", server->Log().c_str());
  NORROY_CHECK(up && server->process_->running());
  server->Fill();
  return server;
}

PowerDns::~PowerDns() {
  process_.reset();
  for (const char* const file : {"/pdns.controlsocket", "/pdns.pid"}) {
    unlink((socket_dir_ + file).c_str());
  }
  rmdir(socket_dir_.c_str());
}

void PowerDns::Fill() {
  for (const std::string& zone : options_.zones) {
    const std::string name = absl::StrCat(absl::StripSuffix(zone, "."), ".");
    const HttpReply reply =
        Api("POST", absl::StrCat(kServer, "/zones"),
            absl::StrCat("{\"name\":\"", name, "\",\"kind\":\"Native\",\"nameservers\":[\"ns.",
                         name, "\"]}"));
    if (reply.status != 201) std::fprintf(stderr, "%s\n", reply.body.c_str());
    NORROY_CHECK(reply.status == 201);
  }
  std::map<std::pair<std::string, std::string>, std::vector<Record>> sets;
  for (const Record& record : options_.records) {
    sets[{record.name, record.type}].push_back(record);
  }
  for (const auto& [key, records] : sets) {
    const std::string list = absl::StrJoin(records, ",", [](std::string* out, const Record& one) {
      absl::StrAppend(out, "{\"content\":", JsonString(one.content), ",\"disabled\":false}");
    });
    const std::string body = absl::StrCat(
        "{\"rrsets\":[{\"name\":\"", key.first, "\",\"type\":\"", key.second,
        "\",\"ttl\":", records[0].ttl, ",\"changetype\":\"REPLACE\",\"records\":[", list, "]}]}");
    const HttpReply reply =
        Api("PATCH", absl::StrCat(kServer, "/zones/", ZoneOf(options_.zones, key.first)), body);
    if (reply.status != 204) std::fprintf(stderr, "%s\n", reply.body.c_str());
    NORROY_CHECK(reply.status == 204);
  }
}

std::string PowerDns::url() const {
  return absl::StrCat("http://", options_.address, ":", options_.api_port);
}

HttpReply PowerDns::Api(const std::string& method, const std::string& path,
                        const std::string& body) {
  HttpReply reply;
  const int fd = Connect(options_.address, options_.api_port);
  if (fd < 0) return reply;
  const std::string text = Exchange(
      fd,
      absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: ", options_.address,
                   "\r\nX-API-Key: ", kApiKey,
                   "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ",
                   body.size(), "\r\n\r\n", body));
  const size_t end = text.find("\r\n\r\n");
  if (text.size() > 12 && end != std::string::npos) {
    (void)absl::SimpleAtoi(text.substr(9, 3), &reply.status);
    reply.body = text.substr(end + 4);
  }
  return reply;
}

std::vector<std::string> PowerDns::Txt(const std::string& name) {
  const Output dig =
      RunProgram({"/usr/bin/dig", "@" + options_.address, "-p", absl::StrCat(options_.dns_port),
                  "+short", "+norecurse", "+tries=3", "+time=2", name, "TXT"});
  std::vector<std::string> values;
  for (absl::string_view line : absl::StrSplit(dig.out, '\n', absl::SkipEmpty())) {
    values.push_back(Unquoted(line));
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::string PowerDns::Log() const { return ReadAll(log_); }

}  // namespace norroy::harness
