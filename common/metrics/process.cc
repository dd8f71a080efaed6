#include "common/metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>

namespace norroy::metrics {
namespace {

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

// Without ".", ".." and the one that is being read; -1 if it cannot be read.
int EntriesOf(const char* path) {
  const std::unique_ptr<DIR, DirCloser> dir(opendir(path));
  if (dir == nullptr) return -1;
  int entries = 0;
  while (readdir(dir.get()) != nullptr) ++entries;
  return entries - 3;
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessMetrics::ProcessMetrics(Registry& registry, const std::string& version,
                               absl::Time start_time)
    : cpu_(registry.NewCounter("process_cpu_seconds_total", "User and system CPU time, in seconds.",
                               {})),
      memory_(registry.NewGauge("process_resident_memory_bytes", "Resident memory, in bytes.", {})),
      open_fds_(registry.NewGauge("process_open_fds", "Open file descriptors.", {})),
      max_fds_(registry.NewGauge("process_max_fds", "Most file descriptors at once.", {})),
      threads_(registry.NewGauge("process_threads", "Threads of the process.", {})) {
  registry
      .NewGauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
                {})
      .Set({}, absl::ToDoubleSeconds(start_time - absl::UnixEpoch()));
  registry.NewGauge("norroy_build_info", "The software that runs; always 1.", {"version"})
      .Set({version}, 1);
  Sample();
}

void ProcessMetrics::Sample() {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const double seconds = SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime);
    cpu_.Add({}, seconds - cpu_seconds_);
    cpu_seconds_ = seconds;
  }
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (statm >> size >> resident) {
    memory_.Set({}, resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  if (const int open = EntriesOf("/proc/self/fd"); open >= 0) open_fds_.Set({}, open);
  // Nothing of this folder is being read by a descriptor in it.
  if (const int threads = EntriesOf("/proc/self/task"); threads >= 0) {
    threads_.Set({}, threads + 1);
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    max_fds_.Set({}, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace norroy::metrics
