#include "common/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"

namespace norroy::log {
namespace {

constexpr size_t kMaxValue = 2048;
constexpr size_t kMaxKey = 64;

// spdlog brings the time, the lock and the order of lines; what a line says is put together below.
// The pattern of JSON lines leaves the object open for that.
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %v";
constexpr char kJsonPattern[] = "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v";

void WriteToStderr(absl::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    // A log that nobody takes must not stop the work.
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

// stderr, or the function of a test. Thread-safe by its base's lock.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void Redirect(std::function<void(absl::string_view)> function) {
    std::lock_guard<std::mutex> lock(mutex_);
    function_ = std::move(function);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t buffer;
    formatter_->format(message, buffer);
    const absl::string_view line(buffer.data(), buffer.size());
    if (function_) {
      function_(line.substr(0, line.size() - 1));
    } else {
      WriteToStderr(line);
    }
  }
  void flush_() override {}

 private:
  std::function<void(absl::string_view)> function_;
};

std::unique_ptr<spdlog::formatter> NewFormatter(Format format) {
  return std::make_unique<spdlog::pattern_formatter>(
      format == Format::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc, "\n");
}

struct Logging {
  Logging() : sink(std::make_shared<LineSink>()), logger("", sink) {
    logger.set_level(spdlog::level::trace);
    logger.set_formatter(NewFormatter(Format::kText));
  }
  std::atomic<Level> level{Level::kInfo};
  std::atomic<Format> format{Format::kText};
  std::shared_ptr<LineSink> sink;
  spdlog::logger logger;
};

// Never destroyed: threads may log until the process ends.
Logging& TheLogging() {
  static Logging* const logging = new Logging;
  return *logging;
}

absl::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarning:
      return "WARNING";
    case Level::kError:
      return "ERROR";
  }
  return "ERROR";
}

// Keys come from our own code; a slip there must not break a line.
std::string SafeKey(absl::string_view key) {
  std::string safe(key.substr(0, kMaxKey));
  for (char& c : safe) {
    if (!absl::ascii_isalnum(c) && c != '_' && c != '.' && c != '-') c = '_';
  }
  return safe.empty() ? "_" : safe;
}

std::string TextValue(absl::string_view value) {
  std::string printable = Printable(value, kMaxValue);
  if (!printable.empty() && printable.find_first_of(" \"=") == std::string::npos) return printable;
  return absl::StrCat("\"", absl::StrReplaceAll(printable, {{"\"", "\\\""}}), "\"");
}

std::string TextLine(Level level, absl::string_view component, absl::string_view message,
                     std::initializer_list<Field> fields) {
  std::string line =
      absl::StrCat(LevelName(level), " ", SafeKey(component), ": ", Printable(message, kMaxValue));
  for (const Field& field : fields) {
    absl::StrAppend(&line, " ", SafeKey(field.key), "=", TextValue(field.value));
  }
  return line;
}

// What Printable leaves is UTF-8 without control characters; JSON (RFC 8259 7) minds two more.
std::string JsonString(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(Printable(text, kMaxValue), {{"\\", "\\\\"}, {"\"", "\\\""}}),
      "\"");
}

// A field does not shadow what every line has.
std::string JsonKey(absl::string_view key) {
  std::string safe = SafeKey(key);
  constexpr absl::string_view kOurs[] = {"ts", "level", "component", "msg"};
  const bool taken = std::find(std::begin(kOurs), std::end(kOurs), safe) != std::end(kOurs);
  return taken ? absl::StrCat(safe, "_") : safe;
}

std::string JsonLine(Level level, absl::string_view component, absl::string_view message,
                     std::initializer_list<Field> fields) {
  std::string line =
      absl::StrCat("\"level\":\"", absl::AsciiStrToLower(LevelName(level)),
                   "\",\"component\":", JsonString(component), ",\"msg\":", JsonString(message));
  for (const Field& field : fields) {
    absl::StrAppend(&line, ",\"", JsonKey(field.key), "\":", JsonString(field.value));
  }
  line += '}';
  return line;
}

}  // namespace

void Configure(Level level, Format format) {
  Logging& logging = TheLogging();
  logging.level = level;
  logging.format = format;
  logging.logger.set_formatter(NewFormatter(format));
}

bool Enabled(Level level) { return level >= TheLogging().level.load(std::memory_order_relaxed); }

void SetSink(std::function<void(absl::string_view line)> sink) {
  TheLogging().sink->Redirect(std::move(sink));
}

void Write(Level level, absl::string_view component, absl::string_view message,
           std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  Logging& logging = TheLogging();
  const std::string line = logging.format == Format::kJson
                               ? JsonLine(level, component, message, fields)
                               : TextLine(level, component, message, fields);
  logging.logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace norroy::log
