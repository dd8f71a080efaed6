#include "agent/presenter/powerdns/powerdns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/dns/owner_turns.h"
#include "agent/presenter/powerdns/api_client.h"
#include "agent/presenter/powerdns/api_url.h"
#include "agent/presenter/powerdns/tls_client.h"
#include "agent/presenter/powerdns/txt_set.h"
#include "agent/presenter/powerdns/zone_api.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr int kWrites = 3;
constexpr int kCallsAtOnce = 8;
constexpr size_t kMaxZones = 100;
constexpr size_t kMaxServerId = 64;
constexpr size_t kMaxApiKey = 512;
constexpr uint32_t kMaxTtl = 86400;
constexpr absl::Duration kMaxTimeout = absl::Seconds(20);
// With the wait for its turn and the call itself this stays under kPresenterDeadline.
constexpr absl::Duration kCleanUpTime = absl::Seconds(10);

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("powerdns: ", message));
}

bool IsServerId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxServerId && id[0] != '.' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-_.", c);
         });
}

absl::Status CheckZones(const std::vector<dns::Name>& zones) {
  if (zones.empty() || zones.size() > kMaxZones) return BadConfig("zones: 1 to 100 of them");
  for (const dns::Name& zone : zones) {
    if (zone.is_root() || absl::StartsWith(zone.text(), "*")) {
      return BadConfig(absl::StrCat("zones: \"", zone.absolute(), "\" is not a zone to write in"));
    }
  }
  return absl::OkStatus();
}

class Powerdns final : public TxtWriter {
 public:
  Powerdns(const PowerdnsOptions& options, std::unique_ptr<ApiClient> client)
      : place_(client->url().text()),
        zones_(options.zones),
        ttl_(options.ttl),
        timeout_(options.timeout),
        api_(std::move(client), options.server_id) {}

  absl::string_view kind() const override { return "powerdns"; }
  const std::string& place() const override { return place_; }
  const std::vector<dns::Name>& zones() const override { return zones_; }

  absl::Status Add(const dns::Name& owner, const std::string& value) override {
    return InTurn({owner, value, true});
  }
  absl::Status Remove(const dns::Name& owner, const std::string& value) override {
    return InTurn({owner, value, false});
  }

 private:
  struct Change {
    const dns::Name& owner;
    const std::string& value;
    bool add;

    bool DoneIn(const TxtSet& set) const { return add ? set.Serves(value) : !set.Has(value); }
  };

  absl::Status InTurn(const Change& change);
  absl::Status Make(const dns::Name& zone, const Change& change, Budget& budget, bool& written);
  absl::Status Write(const dns::Name& zone, const Change& change, const TxtSet& set,
                     Budget& budget);
  absl::Status Contended(const Change& change) const;

  const std::string place_;
  const std::vector<dns::Name> zones_;
  const uint32_t ttl_;
  const absl::Duration timeout_;
  ZoneApi api_;
  OwnerTurns turns_{kCallsAtOnce};
};

absl::Status Powerdns::InTurn(const Change& change) {
  const dns::Name* const zone = ZoneOf(zones_, change.owner);
  if (zone == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument, "FOREIGN_ZONE",
                     absl::StrCat(change.owner.text(), " is in no zone of powerdns ", place_));
  }
  if (!IsTxtValue(change.value)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_TXT_VALUE",
                     "a TXT value has 1 to 255 printable ASCII characters");
  }
  const OwnerTurn turn(turns_, change.owner, timeout_);
  if (!turn.taken()) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "POWERDNS_TIMEOUT",
                     absl::StrCat("PowerDNS at ", place_, ": other changes were waited for over ",
                                  absl::FormatDuration(timeout_)));
  }
  Budget budget(timeout_);
  bool written = false;
  const absl::Status status = Make(*zone, change, budget, written);
  if (status.ok() || !change.add || !written) return status;
  // It may be there all the same (a lost answer): nothing must stay behind.
  Budget clean_up(std::min(kCleanUpTime, timeout_), budget.addresses);
  bool ignored = false;
  const absl::Status cleaned = Make(*zone, {change.owner, change.value, false}, clean_up, ignored);
  if (cleaned.ok()) return status;
  return WithContext(status, absl::StrCat("TXT ", change.owner.text(),
                                          " may have been left behind (", cleaned.message(), ")"));
}

absl::Status Powerdns::Make(const dns::Name& zone, const Change& change, Budget& budget,
                            bool& written) {
  for (int writes = 0;; ++writes) {
    NORROY_ASSIGN_OR_RETURN(const TxtSet set, api_.Read(zone, change.owner, budget));
    if (change.DoneIn(set)) return absl::OkStatus();
    if (writes == kWrites) return Contended(change);
    written = true;
    NORROY_RETURN_IF_ERROR(Write(zone, change, set, budget));
  }
}

absl::Status Powerdns::Write(const dns::Name& zone, const Change& change, const TxtSet& set,
                             Budget& budget) {
  NORROY_ASSIGN_OR_RETURN(const bool extends, api_.Extends(budget));
  // The server's own way looks at what is served alone, and would drop what is disabled.
  if (extends && !set.HasDisabled()) {
    // All records of a set have one TTL (RFC 2181 5.2).
    const uint32_t ttl = set.records.empty() ? ttl_ : set.ttl;
    const absl::Status status = api_.Patch(zone,
                                           change.add ? ExtendBody(change.owner, change.value, ttl)
                                                      : PruneBody(change.owner, change.value, ttl),
                                           budget);
    if (ErrorReason(status) != "POWERDNS_REFUSED") return status;
  }
  NORROY_ASSIGN_OR_RETURN(const TxtSet all, api_.ReadAll(zone, change.owner, budget));
  return api_.Patch(zone,
                    ReplaceBody(change.owner, change.add ? all.With(change.value, ttl_)
                                                         : all.Without(change.value)),
                    budget);
}

absl::Status Powerdns::Contended(const Change& change) const {
  return MakeError(
      absl::StatusCode::kAborted, "POWERDNS_CONTENDED",
      absl::StrCat("PowerDNS at ", place_, ": TXT ", change.owner.text(), " was ",
                   change.add ? "overwritten" : "put back", " ", kWrites,
                   " times while it was changed: another writer is at work; let one alone write "
                   "this name, or use PowerDNS 5.0.2 or newer"));
}

}  // namespace

absl::Status CheckPowerdns(const PowerdnsOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const ApiUrl url, ApiUrl::Parse(options.url));
  NORROY_RETURN_IF_ERROR(CheckZones(options.zones));
  if (!IsServerId(options.server_id)) {
    return BadConfig("server_id: 1 to 64 letters, digits and - _ .");
  }
  const absl::string_view key = options.api_key.Expose();
  if (key.empty() || key.size() > kMaxApiKey ||
      !std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return BadConfig("the API key has 1 to 512 printable characters without spaces");
  }
  if (options.ttl < 1 || options.ttl > kMaxTtl) return BadConfig("ttl: 1 to 86400 seconds");
  if (options.timeout <= absl::ZeroDuration() || options.timeout > kMaxTimeout) {
    return BadConfig("timeout: at most 20 s");
  }
  if (!url.tls()) {
    return options.root_file.empty() ? absl::OkStatus() : BadConfig("root_file is for https");
  }
  return TlsClient::Make(options.root_file).status();
}

absl::StatusOr<std::unique_ptr<TxtWriter>> MakePowerdns(PowerdnsOptions options) {
  NORROY_RETURN_IF_ERROR(CheckPowerdns(options));
  NORROY_ASSIGN_OR_RETURN(ApiUrl url, ApiUrl::Parse(options.url));
  std::unique_ptr<TlsClient> tls;
  if (url.tls()) {
    NORROY_ASSIGN_OR_RETURN(tls, TlsClient::Make(options.root_file));
  }
  auto client = std::make_unique<ApiClient>(std::move(url), options.api_key, std::move(tls));
  return std::make_unique<Powerdns>(options, std::move(client));
}

}  // namespace norroy::agent
