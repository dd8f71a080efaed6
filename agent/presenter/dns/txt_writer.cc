#include "agent/presenter/dns/txt_writer.h"

namespace norroy::agent {

const dns::Name* ZoneOf(const std::vector<dns::Name>& zones, const dns::Name& owner) {
  const dns::Name* longest = nullptr;
  for (const dns::Name& zone : zones) {
    const bool longer = longest == nullptr || zone.text().size() > longest->text().size();
    if (owner.IsWithin(zone) && longer) longest = &zone;
  }
  return longest;
}

}  // namespace norroy::agent
