#include "agent/presenter/delegated_zone/zone_table.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

// The name without its first label; of the root nothing is left.
absl::string_view Parent(absl::string_view name) {
  return name.substr(1 + static_cast<unsigned char>(name[0]));
}

}  // namespace

std::string WireName(const dns::Name& name) {
  std::string wire;
  for (const std::string& label : name.labels()) {
    wire.push_back(static_cast<char>(label.size()));
    wire += label;
  }
  wire.push_back('\0');
  return wire;
}

ZoneTable::ZoneTable(const dns::Name& zone, const std::vector<dns::Name>& name_servers)
    : zone_name_(zone), zone_(WireName(zone)) {
  for (const dns::Name& server : name_servers) name_servers_.push_back(WireName(server));
}

bool ZoneTable::Contains(absl::string_view name) const {
  // Label by label: a suffix of the bytes could begin within a label.
  while (name.size() > zone_.size()) name = Parent(name);
  return name == zone_;
}

absl::Status ZoneTable::Foreign(const dns::Name& owner) const {
  return MakeError(
      absl::StatusCode::kNotFound, "FOREIGN_ZONE",
      absl::StrCat("delegated_zone: ", owner.text(), " is not in the zone ", zone_name_.text()));
}

absl::Status ZoneTable::Add(const dns::Name& owner, const std::string& value) {
  const std::string name = WireName(owner);
  if (!Contains(name)) return Foreign(owner);
  if (value.empty() || value.size() > kMaxZoneValue) {
    return absl::InvalidArgumentError(absl::StrCat("delegated_zone: a TXT value has ", value.size(),
                                                   " bytes, not 1 to ", kMaxZoneValue));
  }
  MutexLock lock(&mutex_);
  const auto known = values_.find(name);
  if (known == values_.end()) {
    if (values_.size() >= kMaxZoneOwners) {
      return absl::ResourceExhaustedError(absl::StrCat("delegated_zone: ", zone_name_.text(),
                                                       " has values at ", kMaxZoneOwners,
                                                       " names already"));
    }
    values_[name].insert(value);
    for (absl::string_view above = name; above != zone_;) {
      above = Parent(above);
      ++below_[std::string(above)];
    }
    return absl::OkStatus();
  }
  if (known->second.size() >= kMaxValuesPerOwner && known->second.count(value) == 0) {
    return absl::ResourceExhaustedError(absl::StrCat("delegated_zone: ", owner.text(), " has ",
                                                     kMaxValuesPerOwner, " values already"));
  }
  known->second.insert(value);
  return absl::OkStatus();
}

absl::Status ZoneTable::Remove(const dns::Name& owner, const std::string& value) {
  const std::string name = WireName(owner);
  if (!Contains(name)) return Foreign(owner);
  MutexLock lock(&mutex_);
  const auto known = values_.find(name);
  if (known == values_.end()) return absl::OkStatus();
  known->second.erase(value);
  if (!known->second.empty()) return absl::OkStatus();
  values_.erase(known);
  for (absl::string_view above = name; above != zone_;) {
    above = Parent(above);
    const auto count = below_.find(above);
    if (--count->second == 0) below_.erase(count);
  }
  return absl::OkStatus();
}

ZoneTable::Found ZoneTable::Find(absl::string_view name) const {
  Found found;
  found.in_zone = Contains(name);
  if (!found.in_zone) return found;
  found.apex = name == zone_;
  MutexLock lock(&mutex_);
  const auto values = values_.find(std::string(name));
  if (values != values_.end()) found.values.assign(values->second.begin(), values->second.end());
  found.exists = found.apex || !found.values.empty() || below_.find(name) != below_.end();
  return found;
}

}  // namespace norroy::agent
