#include "agent/presenter/rfc2136/rfc2136.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/presenter/dns/owner_turns.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxZones = 100;
constexpr int kChangesAtOnce = 64;
constexpr uint32_t kMaxTtl = 86400;
constexpr absl::Duration kFirstPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

absl::Status BadConfig(absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("rfc2136: ", why));
}

absl::Status Failed(absl::string_view reason, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, what);
}

// The server said no: it changed nothing. Otherwise it may have.
bool SaidNo(const absl::Status& status) { return absl::IsFailedPrecondition(status); }

class Rfc2136 final : public TxtWriter {
 public:
  Rfc2136(Rfc2136Options options, dns::Client& client)
      : options_(std::move(options)),
        client_(client),
        updater_(dns::MakeUpdater(options_.server, options_.key)),
        place_(options_.server.text()) {}

  absl::string_view kind() const override { return "rfc2136"; }
  const std::string& place() const override { return place_; }
  const std::vector<dns::Name>& zones() const override { return options_.zones; }

  absl::Status Add(const dns::Name& owner, const std::string& value) override {
    NORROY_ASSIGN_OR_RETURN(const dns::Name zone, ZoneFor(owner));
    const OwnerTurn turn(turns_, owner, options_.turn);
    if (!turn.taken()) return Busy(owner);
    NORROY_ASSIGN_OR_RETURN(const Seen before, Look(owner, value));
    if (before.there) return absl::OkStatus();
    const absl::Status added = Change(true, zone, owner, value);
    const absl::Status visible = added.ok() ? Await(true, owner, value) : added;
    if (visible.ok() || SaidNo(added)) return visible;
    const absl::Status removed = Change(false, zone, owner, value);
    if (removed.ok()) return visible;
    return WithContext(
        visible, absl::StrCat("the value may still be there (", removed.message(), "), because"));
  }

  absl::Status Remove(const dns::Name& owner, const std::string& value) override {
    NORROY_ASSIGN_OR_RETURN(const dns::Name zone, ZoneFor(owner));
    const OwnerTurn turn(turns_, owner, options_.turn);
    if (!turn.taken()) return Busy(owner);
    NORROY_RETURN_IF_ERROR(Change(false, zone, owner, value));
    return Await(false, owner, value);
  }

 private:
  struct Seen {
    bool there = false;
    std::string hint;  // why it may not be
  };

  absl::Status Busy(const dns::Name& owner) const {
    return MakeError(
        absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT",
        absl::StrCat("DNS server ", place_, ": other changes of TXT ", owner.absolute(),
                     " were waited for over ", absl::FormatDuration(options_.turn)));
  }

  absl::StatusOr<dns::Name> ZoneFor(const dns::Name& owner) const {
    const dns::Name* const zone = ZoneOf(options_.zones, owner);
    if (zone != nullptr) return *zone;
    return Failed("FOREIGN_ZONE", absl::StrCat(owner.absolute(), " is in none of the zones of ",
                                               "rfc2136 at ", place_));
  }

  absl::Status Change(bool add, const dns::Name& zone, const dns::Name& owner,
                      const std::string& value) {
    return updater_->Change(
        {.add = add, .zone = zone, .owner = owner, .value = value, .ttl = options_.ttl},
        options_.timeout);
  }

  // What the server itself has, past every cache.
  absl::StatusOr<Seen> Look(const dns::Name& owner, const std::string& value) {
    NORROY_ASSIGN_OR_RETURN(
        const dns::Message message,
        client_.Ask(options_.server,
                    {.name = owner, .type = dns::Type::kTxt, .recursion_desired = false},
                    options_.timeout));
    const bool absent = message.rcode == dns::Rcode::kNxDomain;
    const bool readable = absent || message.rcode == dns::Rcode::kNoError;
    if (!readable || !message.authoritative) {
      return Failed(
          "NOT_AUTHORITATIVE",
          absl::StrCat("DNS server ", place_, " says ", dns::RcodeName(message.rcode),
                       readable ? ", not as an authority," : "", " to TXT of ", owner.absolute(),
                       "; it must serve that zone, and let this host ask"));
    }
    Seen seen;
    for (const dns::Record& record : message.Find(owner, dns::Type::kTxt)) {
      if (record.text == value) seen.there = true;
    }
    for (const dns::Record& cname : message.Find(owner, dns::Type::kCname)) {
      seen.hint = absl::StrCat("; a CNAME to ", cname.target.absolute(), " is there instead");
    }
    return seen;
  }

  // Until the server answers the value, or does not answer it any more.
  absl::Status Await(bool there, const dns::Name& owner, const std::string& value) {
    SystemClock clock;
    const absl::Duration end = clock.Monotonic() + options_.settle;
    for (absl::Duration pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
      NORROY_ASSIGN_OR_RETURN(const Seen seen, Look(owner, value));
      if (seen.there == there) return absl::OkStatus();
      if (clock.Monotonic() + pause > end) {
        return Failed("UPDATE_NOT_VISIBLE",
                      absl::StrCat("DNS server ", place_, " took the update and ",
                                   there ? "does not answer the value" : "still answers the value",
                                   " of TXT ", owner.absolute(), seen.hint,
                                   "; does it serve this host another view?"));
      }
      std::this_thread::sleep_for(absl::ToChronoMilliseconds(pause));
    }
  }

  const Rfc2136Options options_;
  dns::Client& client_;
  const std::unique_ptr<dns::Updater> updater_;
  const std::string place_;
  OwnerTurns turns_{kChangesAtOnce};
};

}  // namespace

absl::StatusOr<std::unique_ptr<TxtWriter>> MakeRfc2136(Rfc2136Options options,
                                                       dns::Client& client) {
  if (options.zones.empty() || options.zones.size() > kMaxZones) {
    return BadConfig(absl::StrCat(options.zones.size(), " zones; 1 to 100 are allowed"));
  }
  if (std::count(options.zones.begin(), options.zones.end(), dns::Name()) > 0) {
    return BadConfig("the root is no zone to write to");
  }
  const auto server = dns::Server::Parse(options.server.text());
  if (!server.ok()) return WithContext(server.status(), "rfc2136");
  if (options.key.name.is_root()) return BadConfig("the TSIG key has no name");
  if (options.key.secret.empty()) {
    return BadConfig(
        absl::StrCat("the TSIG key ", options.key.name.absolute(), " has an empty secret"));
  }
  if (options.ttl > kMaxTtl) {
    return BadConfig(absl::StrCat("a ttl of ", options.ttl, " seconds; at most a day, ", kMaxTtl,
                                  ", is allowed"));
  }
  return std::make_unique<Rfc2136>(std::move(options), client);
}

}  // namespace norroy::agent
