#include "common/metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <set>

#include "common/check.h"
#include "common/sync/mutex.h"

namespace norroy::metrics {
namespace {

constexpr size_t kMaxLabelBytes = 256;
constexpr char kOther[] = "(other)";

// The series of one family by their labels' values. `Metric` is one of prometheus-cpp's.
template <typename Metric>
class Series {
 public:
  Series(prometheus::Family<Metric>& family, std::vector<std::string> labels)
      : family_(family), labels_(std::move(labels)) {}

  // `use` gets the series of these values, made by `more` arguments if it is new.
  template <typename Use, typename... More>
  void With(const LabelValues& values, const Use& use, const More&... more) {
    MutexLock lock(&mutex_);
    use(Find(values, more...));
  }

  void Replace(const std::vector<std::pair<LabelValues, double>>& wanted) {
    MutexLock lock(&mutex_);
    std::set<LabelValues> kept;
    for (const auto& [values, value] : wanted) {
      Find(values).Set(value);
      kept.insert(Cut(values));
    }
    for (auto it = series_.begin(); it != series_.end();) {
      if (kept.contains(it->first)) {
        ++it;
        continue;
      }
      family_.Remove(it->second);
      it = series_.erase(it);
    }
  }

 private:
  LabelValues Cut(LabelValues values) const {
    NORROY_CHECK(values.size() == labels_.size());
    for (std::string& value : values) value.resize(std::min(value.size(), kMaxLabelBytes));
    return values;
  }

  template <typename... More>
  Metric& Find(const LabelValues& given, const More&... more)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    LabelValues values = Cut(given);
    auto found = series_.find(values);
    if (found == series_.end() && series_.size() >= kMaxSeries) {
      values.assign(labels_.size(), kOther);
      found = series_.find(values);
    }
    if (found != series_.end()) return *found->second;
    prometheus::Labels labels;
    for (size_t i = 0; i < labels_.size(); ++i) labels[labels_[i]] = values[i];
    Metric& made = family_.Add(labels, more...);
    series_[std::move(values)] = &made;
    return made;
  }

  prometheus::Family<Metric>& family_;
  const std::vector<std::string> labels_;
  Mutex mutex_;
  std::map<LabelValues, Metric*> series_ ABSL_GUARDED_BY(mutex_);
};

class CounterFamily final : public Counter {
 public:
  CounterFamily(prometheus::Family<prometheus::Counter>& family, std::vector<std::string> labels)
      : series_(family, std::move(labels)) {}
  void Add(const LabelValues& labels, double by) override {
    series_.With(labels, [by](prometheus::Counter& counter) { counter.Increment(by); });
  }

 private:
  Series<prometheus::Counter> series_;
};

class GaugeFamily final : public Gauge {
 public:
  GaugeFamily(prometheus::Family<prometheus::Gauge>& family, std::vector<std::string> labels)
      : series_(family, std::move(labels)) {}
  void Set(const LabelValues& labels, double value) override {
    series_.With(labels, [value](prometheus::Gauge& gauge) { gauge.Set(value); });
  }
  void Replace(const std::vector<std::pair<LabelValues, double>>& series) override {
    series_.Replace(series);
  }

 private:
  Series<prometheus::Gauge> series_;
};

class HistogramFamily final : public Histogram {
 public:
  HistogramFamily(prometheus::Family<prometheus::Histogram>& family,
                  std::vector<std::string> labels, std::vector<double> buckets)
      : series_(family, std::move(labels)), buckets_(std::move(buckets)) {}
  void Observe(const LabelValues& labels, double value) override {
    series_.With(
        labels, [value](prometheus::Histogram& histogram) { histogram.Observe(value); }, buckets_);
  }

 private:
  Series<prometheus::Histogram> series_;
  const std::vector<double> buckets_;
};

}  // namespace

struct Registry::Families {
  prometheus::Registry registry;
  Mutex mutex;
  std::vector<std::unique_ptr<Counter>> counters ABSL_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Gauge>> gauges ABSL_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Histogram>> histograms ABSL_GUARDED_BY(mutex);

  template <typename Builder>
  auto& Register(Builder builder, absl::string_view name, absl::string_view help) {
    return builder.Name(std::string(name)).Help(std::string(help)).Register(registry);
  }
};

Registry::Registry() : families_(std::make_unique<Families>()) {}
Registry::~Registry() = default;

Counter& Registry::NewCounter(absl::string_view name, absl::string_view help,
                              const std::vector<std::string>& labels) {
  auto& family = families_->Register(prometheus::BuildCounter(), name, help);
  MutexLock lock(&families_->mutex);
  families_->counters.push_back(std::make_unique<CounterFamily>(family, labels));
  return *families_->counters.back();
}

Gauge& Registry::NewGauge(absl::string_view name, absl::string_view help,
                          const std::vector<std::string>& labels) {
  auto& family = families_->Register(prometheus::BuildGauge(), name, help);
  MutexLock lock(&families_->mutex);
  families_->gauges.push_back(std::make_unique<GaugeFamily>(family, labels));
  return *families_->gauges.back();
}

Histogram& Registry::NewHistogram(absl::string_view name, absl::string_view help,
                                  const std::vector<std::string>& labels,
                                  const std::vector<double>& buckets) {
  auto& family = families_->Register(prometheus::BuildHistogram(), name, help);
  MutexLock lock(&families_->mutex);
  families_->histograms.push_back(std::make_unique<HistogramFamily>(family, labels, buckets));
  return *families_->histograms.back();
}

std::string Registry::Text() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

std::vector<double> RequestBuckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

std::vector<double> OrderBuckets() {
  return {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600};
}

}  // namespace norroy::metrics
