#ifndef NORROY_COMMON_LOG_LOG_H_
#define NORROY_COMMON_LOG_LOG_H_

// One line per event on stderr:
//
//   log::Info("order", "authorization valid", {{"order_id", id}, {"name", name}});
//   2026-03-01T12:00:00.123Z INFO order: authorization valid order_id=... name=...
//
// or, as JSON, {"ts":...,"level":"info","component":"order","msg":"authorization valid",...}.
//
// Values are escaped (no control characters, no line breaks) and cut at 2 KiB; a value of type
// crypto::Secret does not compile. Info and higher in text form until Configure says otherwise.
// Thread-safe.

#include <functional>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace norroy::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

struct Field {
  Field(absl::string_view key, const absl::AlphaNum& value) : key(key), value(value.Piece()) {}
  std::string key;
  std::string value;
};

// Once, in main.
void Configure(Level level, Format format);
// Whether a line of this level would be written: for loops whose fields are dear to make.
bool Enabled(Level level);
// Sends lines to a function instead of stderr; an empty function sends them back. The function is
// called under a lock: it must not log. For tests.
void SetSink(std::function<void(absl::string_view line)> sink);

void Write(Level level, absl::string_view component, absl::string_view message,
           std::initializer_list<Field> fields);

inline void Debug(absl::string_view component, absl::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, component, message, fields);
}
inline void Info(absl::string_view component, absl::string_view message,
                 std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, component, message, fields);
}
inline void Warning(absl::string_view component, absl::string_view message,
                    std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, component, message, fields);
}
inline void Error(absl::string_view component, absl::string_view message,
                  std::initializer_list<Field> fields = {}) {
  Write(Level::kError, component, message, fields);
}

}  // namespace norroy::log

#endif  // NORROY_COMMON_LOG_LOG_H_
