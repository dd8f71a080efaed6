#ifndef NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_H_
#define NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_H_

// Whoever can put single TXT values into some DNS zones. Every implementation passes
// txt_writer_contract.h; DnsPresenter makes a presenter of it.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/dns/name.h"

namespace norroy::agent {

// Thread-safe; calls may block for at most kPresenterDeadline. Values of one owner are added and
// removed one by one: those that others put there stay.
class TxtWriter {
 public:
  virtual ~TxtWriter() = default;

  // "rfc2136", "delegated_zone", "powerdns", "exec_hook".
  virtual absl::string_view kind() const = 0;
  // Where the values go, for people: "192.0.2.53:53".
  virtual const std::string& place() const = 0;
  // Owners are in one of these. 1 to 100.
  virtual const std::vector<dns::Name>& zones() const = 0;

  // When it returns OK the zone's server answers this value (read back, where that can be done). A
  // value that is there already is OK. An error MUST leave nothing behind as far as that can be
  // known, and names the server and the cause.
  virtual absl::Status Add(const dns::Name& owner, const std::string& value) = 0;
  // When it returns OK the zone's server does not answer this value any more; one that is not there
  // is OK. Other values of the owner stay.
  virtual absl::Status Remove(const dns::Name& owner, const std::string& value) = 0;

  struct Answers {
    int64_t served = 0;
    int64_t unknown = 0;
  };
  virtual Answers answers() { return {}; }
};

// The longest of `zones` that `owner` is in; null if none is.
const dns::Name* ZoneOf(const std::vector<dns::Name>& zones, const dns::Name& owner);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_H_
