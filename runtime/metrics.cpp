#include "runtime/metrics.hpp"

#include <prometheus/text_serializer.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "runtime/log.hpp"

namespace artham::runtime {

struct metrics::impl {
  template <class Value>
  struct family {
    std::string help;
    std::map<runtime::labels, std::unique_ptr<Value>> values;
  };
  template <class Value>
  using families = std::map<std::string, family<Value>, std::less<>>;

  /// The object of this name and these labels, made on first use.
  template <class Value>
  static Value& find(families<Value>& in, std::string_view name, std::string_view help, labels l) {
    auto f = in.find(name);
    if (f == in.end()) f = in.emplace(name, family<Value>{std::string(help), {}}).first;
    std::sort(l.begin(), l.end());
    auto& value = f->second.values[std::move(l)];
    if (!value) value = std::make_unique<Value>();
    return *value;
  }

  /// A name has one type in Prometheus: what comes second under the other type counts, but is not
  /// shown.
  template <class Other>
  static bool taken(const families<Other>& other, std::string_view name) {
    if (!other.contains(name)) return false;
    log().error("metric {} is registered as counter and as gauge; the second is not exported",
                name);
    return true;
  }

  template <class Value>
  static void append(std::vector<prometheus::MetricFamily>& out, const families<Value>& in,
                     prometheus::MetricType type) {
    for (const auto& [name, f] : in) {
      prometheus::MetricFamily shown{name, f.help, type, {}};
      for (const auto& [l, value] : f.values) {
        prometheus::ClientMetric m;
        for (const auto& [key, text] : l) m.label.push_back({key, text});
        (type == prometheus::MetricType::Counter ? m.counter.value : m.gauge.value) =
            static_cast<double>(value->value());
        shown.metric.push_back(std::move(m));
      }
      out.push_back(std::move(shown));
    }
  }

  template <class Value>
  static void append(std::vector<sample>& out, const families<Value>& in) {
    for (const auto& [name, f] : in) {
      for (const auto& [l, value] : f.values) {
        out.push_back({name, l, static_cast<std::int64_t>(value->value())});
      }
    }
  }

  mutable std::mutex mutex;
  families<runtime::counter> counters, hidden_counters;
  families<runtime::gauge> gauges, hidden_gauges;
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

counter& metrics::counter(std::string_view name, std::string_view help, const labels& l) {
  const std::lock_guard lock(impl_->mutex);
  auto& in = impl::taken(impl_->gauges, name) ? impl_->hidden_counters : impl_->counters;
  return impl::find(in, name, help, l);
}

gauge& metrics::gauge(std::string_view name, std::string_view help, const labels& l) {
  const std::lock_guard lock(impl_->mutex);
  auto& in = impl::taken(impl_->counters, name) ? impl_->hidden_gauges : impl_->gauges;
  return impl::find(in, name, help, l);
}

std::string metrics::text() const {
  std::vector<prometheus::MetricFamily> shown;
  {
    const std::lock_guard lock(impl_->mutex);
    impl::append(shown, impl_->counters, prometheus::MetricType::Counter);
    impl::append(shown, impl_->gauges, prometheus::MetricType::Gauge);
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(shown.begin(), shown.end(), by_name);
  const prometheus::TextSerializer serializer;
  return static_cast<const prometheus::Serializer&>(serializer).Serialize(shown);
}

std::vector<metrics::sample> metrics::samples() const {
  std::vector<sample> out;
  const std::lock_guard lock(impl_->mutex);
  impl::append(out, impl_->counters);
  impl::append(out, impl_->gauges);
  return out;
}

}  // namespace artham::runtime
