#include "tests/harness/bind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

// The port that the socket got, or 0 if it cannot be bound.
int BindOnce(int type, const std::string& address, int port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  NORROY_CHECK(fd >= 0);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  NORROY_CHECK(inet_pton(AF_INET, address.c_str(), &where.sin_addr) == 1);
  socklen_t size = sizeof(where);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&where), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0;
  close(fd);
  return bound ? ntohs(where.sin_port) : 0;
}

std::string FileName(const std::string& zone) {
  return zone == "." ? "root.zone" : absl::StrCat(absl::StrReplaceAll(zone, {{"/", "_"}}), ".zone");
}

std::string MasterFile(const BindZone& zone, const std::string& address) {
  if (!zone.file.empty()) return zone.file;
  return absl::StrCat("$TTL 60\n$ORIGIN ", zone.name,
                      ".\n"
                      "@ IN SOA ns hostmaster 1 600 300 86400 1\n"
                      "@ IN NS ns\n"
                      "ns IN A ",
                      address, "\n", zone.records, "\n");
}

std::string ZoneStatement(const BindZone& zone) {
  std::string text = zone.statement;
  if (text.empty()) {
    text = absl::StrCat("type primary; file \"", FileName(zone.name), "\";");
    if (!zone.update_policy.empty()) {
      absl::StrAppend(&text, " update-policy { ", zone.update_policy, " };");
    }
  }
  return absl::StrCat("zone \"", zone.name, "\" { ", text, " };\n");
}

// A root zone of our own. Zones that are elsewhere are delegated, or it would deny them.
std::string RootFile(const std::vector<BindZone>& zones) {
  std::string text =
      "$TTL 60\n. IN SOA ns. hostmaster. 1 600 300 86400 1\n. IN NS ns.\nns. IN A 127.0.0.1\n";
  for (const BindZone& zone : zones) {
    if (zone.statement.empty()) continue;
    absl::StrAppend(&text, zone.name, ". IN NS ns.", zone.name, ".\nns.", zone.name,
                    ". IN A 127.0.0.1\n");
  }
  return text;
}

}  // namespace

int FreeDnsPort(const std::string& address) {
  for (int i = 0; i < 100; ++i) {
    const int port = BindOnce(SOCK_STREAM, address, 0);
    if (port != 0 && IsFreeDnsPort(address, port)) return port;
  }
  NORROY_CHECK(false);
  return 0;
}

bool IsFreeDnsPort(const std::string& address, int port) {
  return BindOnce(SOCK_STREAM, address, port) == port &&
         BindOnce(SOCK_DGRAM, address, port) == port;
}

std::unique_ptr<Bind> Bind::Start(const std::string& dir, const BindOptions& options) {
  auto bind = std::make_unique<Bind>();
  bind->dir_ = dir;
  bind->address_ = options.address;
  bind->port_ = options.port != 0 ? options.port : FreeDnsPort(options.address);
  mkdir(dir.c_str(), 0755);
  std::vector<BindZone> zones = options.zones;
  if (options.recursion) zones.push_back({.name = ".", .file = RootFile(options.zones)});
  std::string conf =
      absl::StrCat("options {\n  directory \"", dir, "\";\n  listen-on port ", bind->port_, " { ",
                   options.address,
                   "; };\n  listen-on-v6 { none; };\n  pid-file none;\n  session-keyfile none;\n"
                   "  allow-query { any; };\n  notify no;\n  empty-zones-enable no;\n  recursion ",
                   options.recursion ? "yes" : "no", ";\n  ", options.options,
                   "\n};\ncontrols { };\n", options.statements, "\n");
  for (const TsigKeyText& key : options.keys) {
    absl::StrAppend(&conf, "key \"", key.name, "\" { algorithm ", key.algorithm, "; secret \"",
                    key.secret, "\"; };\n");
  }
  for (const BindZone& zone : zones) {
    absl::StrAppend(&conf, ZoneStatement(zone));
    if (zone.statement.empty()) {
      WriteAll(absl::StrCat(dir, "/", FileName(zone.name)), MasterFile(zone, options.address));
    }
  }
  WriteAll(dir + "/named.conf", conf);
  bind->named_ =
      Process::Start({"/usr/sbin/named", "-g", "-n", "1", "-c", dir + "/named.conf"}, bind->log());
  const bool up = Eventually([&] { return absl::StrContains(ReadAll(bind->log()), " running\n"); });
  if (!up) std::fprintf(stderr, "named:\n%s\n", ReadAll(bind->log()).c_str());
  NORROY_CHECK(up);
  return bind;
}

std::string Bind::place() const { return absl::StrCat(address_, ":", port_); }

std::string Bind::Dig(const std::string& name, const std::string& type,
                      const std::vector<std::string>& more) {
  return harness::Dig(address_, port_, name, type, more);
}

std::string Dig(const std::string& address, int port, const std::string& name,
                const std::string& type, const std::vector<std::string>& more) {
  std::vector<std::string> argv = {"/usr/bin/dig", "@" + address, "-p",    absl::StrCat(port),
                                   "+time=2",      "+tries=1",    "+short"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back(name);
  argv.push_back(type);
  std::string answer;
  // dig speaks of its own troubles (a datagram that was lost on a busy machine) on lines of ";;".
  for (int tries = 0; tries < 3; ++tries) {
    answer = RunProgram(argv).out;
    if (!absl::StrContains(answer, ";;")) break;
  }
  return answer;
}

}  // namespace norroy::harness
