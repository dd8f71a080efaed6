#ifndef NORROY_AGENT_PRESENTER_DNS_MEMORY_TXT_WRITER_H_
#define NORROY_AGENT_PRESENTER_DNS_MEMORY_TXT_WRITER_H_

// A TxtWriter whose DNS is a map: for tests of what uses writers. It can be told to fail.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/presenter/dns/txt_writer.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

class MemoryTxtWriter final : public TxtWriter {
 public:
  explicit MemoryTxtWriter(std::vector<dns::Name> zones) : zones_(std::move(zones)) {}

  absl::string_view kind() const override { return "memory"; }
  const std::string& place() const override { return place_; }
  const std::vector<dns::Name>& zones() const override { return zones_; }

  absl::Status Add(const dns::Name& owner, const std::string& value) override {
    return Change(true, owner, value);
  }
  absl::Status Remove(const dns::Name& owner, const std::string& value) override {
    return Change(false, owner, value);
  }
  Answers answers() override { return {.served = 3, .unknown = 4}; }

  std::set<std::string> Values(const dns::Name& owner) {
    MutexLock lock(&mutex_);
    return values_[owner];
  }
  // As somebody else would: past the writer.
  void Put(const dns::Name& owner, const std::string& value) {
    MutexLock lock(&mutex_);
    values_[owner].insert(value);
  }
  // Both calls, until told otherwise.
  void Fail(const absl::Status& status) {
    MutexLock lock(&mutex_);
    status_ = status;
  }
  int calls() {
    MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  absl::Status Change(bool add, const dns::Name& owner, const std::string& value) {
    MutexLock lock(&mutex_);
    ++calls_;
    if (!status_.ok()) return status_;
    if (ZoneOf(zones_, owner) == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(owner.text(), " is in none of the zones"));
    }
    if (add) {
      values_[owner].insert(value);
    } else {
      values_[owner].erase(value);
    }
    return absl::OkStatus();
  }

  const std::string place_ = "memory:53";
  const std::vector<dns::Name> zones_;
  Mutex mutex_;
  std::map<dns::Name, std::set<std::string>> values_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_MEMORY_TXT_WRITER_H_
