#include "agent/presenter/dns/dns_presenter.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/dns/alias.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

// Changes at once are limited by the writers and by the session's threads.
constexpr int kTurns = 1000;
// For another proof that needs the same value at the same owner: hardly ever.
constexpr absl::Duration kTurnTimeout = absl::Seconds(5);

std::string ZoneList(const std::vector<dns::Name>& zones) {
  return absl::StrJoin(zones, ", ", [](std::string* out, const dns::Name& zone) {
    absl::StrAppend(out, zone.absolute());
  });
}

std::string NameOf(const TxtWriter& writer) {
  const std::string zone = writer.zones().empty() ? "" : writer.zones()[0].text();
  return absl::StrCat(writer.kind(), " ", zone);
}

// Where a journal or Locate says that a value belongs.
absl::StatusOr<dns::Name> OwnerOf(const std::string& location, const TxtWriter& writer) {
  NORROY_ASSIGN_OR_RETURN(dns::Name owner, dns::Name::Parse(location));
  if (ZoneOf(writer.zones(), owner) != nullptr) return owner;
  return MakeError(absl::StatusCode::kFailedPrecondition, "FOREIGN_ZONE",
                   absl::StrCat(owner.absolute(), " is in none of the zones that ", writer.kind(),
                                " at ", writer.place(), " may write: ", ZoneList(writer.zones())));
}

}  // namespace

DnsPresenter::DnsPresenter(dns::Resolver& resolver, std::unique_ptr<TxtWriter> writer)
    : resolver_(resolver), writer_(std::move(writer)), name_(NameOf(*writer_)), turns_(kTurns) {}

absl::Status DnsPresenter::Busy(const Place& place) const {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT",
                   absl::StrCat(name_, ": another change of the same value at ", place.first,
                                " was waited for over ", absl::FormatDuration(kTurnTimeout)));
}

std::vector<std::string> DnsPresenter::zones() const {
  std::vector<std::string> names;
  for (const dns::Name& zone : writer_->zones()) names.push_back(zone.text());
  return names;
}

absl::StatusOr<std::string> DnsPresenter::Locate(const challenge::Proof& proof) {
  NORROY_ASSIGN_OR_RETURN(const dns::Name name, dns::Name::Parse(proof.dns_owner()));
  NORROY_ASSIGN_OR_RETURN(const dns::Alias alias, dns::FollowCnames(resolver_, name));
  if (ZoneOf(writer_->zones(), alias.owner) != nullptr) return alias.owner.text();
  const std::string hint =
      alias.path.size() > 1 ? "" : " (it has no CNAME; one may lead it into such a zone)";
  return MakeError(absl::StatusCode::kNotFound, "FOREIGN_ZONE",
                   absl::StrCat(dns::PathText(alias.path), " ends in none of the zones of ", name_,
                                ": ", ZoneList(writer_->zones()), hint));
}

absl::StatusOr<std::string> DnsPresenter::PutUp(const challenge::Proof& proof,
                                                const std::string& location) {
  NORROY_ASSIGN_OR_RETURN(const dns::Name owner, OwnerOf(location, *writer_));
  const Place key = {owner.text(), proof.dns_value()};
  const Turn<Place> turn(turns_, key, kTurnTimeout);
  if (!turn.taken()) return Busy(key);
  NORROY_RETURN_IF_ERROR(writer_->Add(owner, key.second));
  MutexLock lock(&mutex_);
  users_[key].insert(proof.name.text());
  return absl::StrCat("TXT ", owner.text(), " at ", writer_->place(), " (", writer_->kind(), ")");
}

absl::Status DnsPresenter::TakeDown(const challenge::Proof& proof, const std::string& location) {
  NORROY_ASSIGN_OR_RETURN(const dns::Name owner, OwnerOf(location, *writer_));
  const Place key = {owner.text(), proof.dns_value()};
  const Turn<Place> turn(turns_, key, kTurnTimeout);
  if (!turn.taken()) return Busy(key);
  {
    MutexLock lock(&mutex_);
    const auto users = users_.find(key);
    if (users != users_.end()) {
      users->second.erase(proof.name.text());
      if (!users->second.empty()) return absl::OkStatus();
      users_.erase(users);
    }
  }
  // Also what this run of the program did not put up: after a restart the journal alone knows it.
  return writer_->Remove(owner, key.second);
}

Presenter::Answers DnsPresenter::answers() {
  const TxtWriter::Answers answers = writer_->answers();
  return {.served = answers.served, .unknown = answers.unknown};
}

}  // namespace norroy::agent
