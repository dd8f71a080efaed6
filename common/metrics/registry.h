#ifndef NORROY_COMMON_METRICS_REGISTRY_H_
#define NORROY_COMMON_METRICS_REGISTRY_H_

// Counters, gauges and histograms, and how Prometheus reads them (text format 0.0.4). A family is
// declared once, where the process is built, and handed to whoever counts:
//
//   metrics::Registry registry;
//   metrics::Counter& orders = registry.NewCounter("norroy_orders_total", "Orders that have
//   ended.",
//                                                  {"ca", "result"});
//   orders.Add({"letsencrypt", "valid"});
//   ... registry.Text() ...
//
// Names follow Prometheus: base units, `_total` for counters. Values of labels come in the order of
// the family's labels, and are cut at 256 bytes; a family has at most kMaxSeries combinations of
// them, what comes beyond counts under "(other)". Thread-safe; families live as long as the
// registry.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::metrics {

inline constexpr size_t kMaxSeries = 20'000;

// Values of a family's labels.
using LabelValues = std::vector<std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(const LabelValues& labels, double by = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(const LabelValues& labels, double value) = 0;
  // These and no others: what was set before and is not among them is gone.
  virtual void Replace(const std::vector<std::pair<LabelValues, double>>& series) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(const LabelValues& labels, double value) = 0;
};

class Registry {
 public:
  Registry();
  ~Registry();

  Counter& NewCounter(absl::string_view name, absl::string_view help,
                      const std::vector<std::string>& labels);
  Gauge& NewGauge(absl::string_view name, absl::string_view help,
                  const std::vector<std::string>& labels);
  // `buckets`: upper bounds, growing, without the infinite one.
  Histogram& NewHistogram(absl::string_view name, absl::string_view help,
                          const std::vector<std::string>& labels,
                          const std::vector<double>& buckets);

  // All families.
  std::string Text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

// Seconds, for calls and requests: 1 ms to 60 s.
std::vector<double> RequestBuckets();
// Seconds, for orders: 100 ms to a day.
std::vector<double> OrderBuckets();

}  // namespace norroy::metrics

#endif  // NORROY_COMMON_METRICS_REGISTRY_H_
