#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_ZONE_TABLE_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_ZONE_TABLE_H_

// A small zone in memory: its apex with SOA and NS, and the TXT values that were put up. Names are
// kept in wire form (RFC 1035 3.1), lower case, as queries bring them.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/dns/name.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

// One string of a TXT record (RFC 1035 3.3.14) holds a value; DNS-01's have 43 bytes.
inline constexpr size_t kMaxZoneValue = 255;
// All values of one owner fit into one answer over TCP.
inline constexpr size_t kMaxValuesPerOwner = 200;
inline constexpr size_t kMaxZoneOwners = 10'000;

// "www.example.com" as its labels, each after its length, and the root's zero.
std::string WireName(const dns::Name& name);

// Thread-safe. Add and Remove hold for every Find that begins after they return.
class ZoneTable {
 public:
  // `name_servers` are the targets of the NS records; the first is the SOA's primary. At least one.
  ZoneTable(const dns::Name& zone, const std::vector<dns::Name>& name_servers);

  // A value that is there already is OK. NOT_FOUND, reason FOREIGN_ZONE, for an owner outside the
  // zone; INVALID_ARGUMENT for a value that is empty or over 255 bytes; RESOURCE_EXHAUSTED.
  absl::Status Add(const dns::Name& owner, const std::string& value);
  // One that is not there is OK. NOT_FOUND, reason FOREIGN_ZONE, as Add.
  absl::Status Remove(const dns::Name& owner, const std::string& value);

  struct Found {
    bool in_zone = false;
    bool apex = false;
    // The name has values or a name below it has (RFC 8020 2: an empty non-terminal exists), or is
    // the apex.
    bool exists = false;
    std::vector<std::string> values;
  };
  // `name` in wire form, lower case.
  Found Find(absl::string_view name) const;

  // In wire form.
  const std::string& zone() const { return zone_; }
  const std::vector<std::string>& name_servers() const { return name_servers_; }

 private:
  bool Contains(absl::string_view name) const;
  absl::Status Foreign(const dns::Name& owner) const;

  const dns::Name zone_name_;
  const std::string zone_;
  std::vector<std::string> name_servers_;

  mutable Mutex mutex_;
  std::map<std::string, std::set<std::string>> values_ ABSL_GUARDED_BY(mutex_);
  // How many owners with values are below a name of the zone.
  std::map<std::string, int, std::less<>> below_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_ZONE_TABLE_H_
