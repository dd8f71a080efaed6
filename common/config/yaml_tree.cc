#include "common/config/yaml_tree.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::config {
namespace {

constexpr char kTooDeep[] = "is nested too deeply; 32 levels are the most";

// yaml-cpp takes an end of file for a closing quote, so a file cut in two would be accepted.
bool IsClosed(absl::string_view text, size_t offset) {
  const char quote = text[offset];
  for (size_t i = offset + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return true;
      ++i;  // '' within single quotes
    }
  }
  return false;
}

// Builds the tree. yaml-cpp cannot be told to stop, so after the first error events are ignored.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlSource& source) : source_(source) {}

  const absl::Status& status() const { return status_; }
  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) Fail(OffsetOf(mark), "text after the end; a file holds one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (Refuses(mark, "?", anchor)) return;
    Add(NodeAt(mark, YamlNode::Kind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(OffsetOf(mark), "aliases are not taken; put text that begins with \"*\" in quotes");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (Refuses(mark, tag, anchor)) return;
    YamlNode node = NodeAt(mark, YamlNode::Kind::kScalar);
    node.quoted = tag == "!";
    if (node.quoted && IsQuote(node.offset) && !IsClosed(source_.text(), node.offset)) {
      return Fail(node.offset, "this quote is never closed");
    }
    if (absl::StrContains(value, '\0')) return Fail(node.offset, "text must not hold a NUL");
    node.scalar = value;
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  size_t OffsetOf(const YAML::Mark& mark) const {
    return mark.pos < 0 ? 0 : std::min(static_cast<size_t>(mark.pos), source_.text().size());
  }

  YamlNode NodeAt(const YAML::Mark& mark, YamlNode::Kind kind) const {
    YamlNode node;
    node.kind = kind;
    node.offset = OffsetOf(mark);
    return node;
  }

  bool IsQuote(size_t offset) const {
    const absl::string_view text = source_.text();
    return offset < text.size() && (text[offset] == '"' || text[offset] == '\'');
  }

  // A node with a tag or an anchor begins there.
  bool Refuses(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (!status_.ok()) return true;
    const size_t offset = OffsetOf(mark);
    const bool tagged = offset < source_.text().size() && source_.text()[offset] == '!';
    if (anchor != 0) {
      Fail(offset, "anchors are not taken; put text that begins with \"&\" in quotes");
    } else if (tagged || (tag != "?" && tag != "!" && !tag.empty())) {
      Fail(offset, "tags are not taken; put text that begins with \"!\" in quotes");
    }
    return !status_.ok();
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    if (Refuses(mark, tag, anchor)) return;
    if (open_.size() >= kMaxYamlDepth) return Fail(OffsetOf(mark), kTooDeep);
    open_.push_back(NodeAt(mark, kind));
  }

  void Close() {
    if (!status_.ok() || open_.empty()) return;
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    (open_.empty() ? root_ : open_.back().items.emplace_back()) = std::move(node);
  }

  void Fail(size_t offset, absl::string_view problem) {
    if (status_.ok()) status_ = source_.ErrorAt(offset, problem);
  }

  const YamlSource& source_;
  absl::Status status_;
  int documents_ = 0;
  YamlNode root_;
  std::vector<YamlNode> open_;
};

bool IsPrintableAscii(absl::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// Line by line: UTF-8 without control characters. Printable leaves such text as it is.
absl::Status CheckCharacters(const YamlSource& source) {
  const absl::string_view text = source.text();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    absl::string_view line = text.substr(begin, end - begin);
    absl::ConsumeSuffix(&line, "\r");
    if (absl::StartsWith(line, "%")) {
      return source.ErrorAt(begin, "directives are not taken; begin with the first key");
    }
    begin = end + 1;
    if (IsPrintableAscii(line)) continue;
    const std::string printable = Printable(line, line.size());
    const auto [bad, unused] =
        std::mismatch(line.begin(), line.end(), printable.begin(), printable.end());
    if (bad != line.end()) {
      const size_t offset = static_cast<size_t>(bad - text.begin());
      if (*bad == '\t') return source.ErrorAt(offset, "has a tab; use spaces");
      return source.ErrorAt(offset, "has a byte that is no printable UTF-8 character");
    }
  }
  return absl::OkStatus();
}

absl::Status Parse(const YamlSource& source, TreeBuilder& builder) {
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    std::istringstream stream{std::string(source.text())};
    YAML::Parser parser(stream);
    // The second round meets what a second document would be. There is no third: where no token
    // can be taken, yaml-cpp reports an empty document for ever.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::DeepRecursion& error) {
    NORROY_RETURN_IF_ERROR(builder.status());
    return source.ErrorAt(static_cast<size_t>(std::max(error.mark.pos, 0)), kTooDeep);
  } catch (const YAML::Exception& error) {
    NORROY_RETURN_IF_ERROR(builder.status());
    return source.ErrorAt(static_cast<size_t>(std::max(error.mark.pos, 0)),
                          absl::StrCat("is no YAML: ", error.msg));
  } catch (const std::exception& error) {
    return source.ErrorAt(0, absl::StrCat("is no YAML: ", error.what()));
  }
  return builder.status();
}

}  // namespace

YamlSource::YamlSource(absl::string_view text, absl::string_view file) : text_(text), file_(file) {
  absl::ConsumePrefix(&text_, "\xEF\xBB\xBF");
}

absl::Status YamlSource::ErrorAt(size_t offset, absl::string_view problem) const {
  const absl::string_view before = text_.substr(0, std::min(offset, text_.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const absl::string_view start = before.substr(before.rfind('\n') + 1);
  const auto column = std::count_if(start.begin(), start.end(),
                                    [](unsigned char c) { return (c & 0xC0) != 0x80; }) +
                      1;
  return MakeError(
      absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
      absl::StrCat(Printable(file_), ":", line, ":", column, ": ", Printable(problem, 1024)));
}

absl::string_view YamlKindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return node.quoted ? "quoted text" : "a single value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "keys and values";
  }
  return "";
}

absl::StatusOr<YamlNode> ReadYamlTree(const YamlSource& source) {
  if (source.text().size() > kMaxYamlBytes) {
    return source.ErrorAt(0, absl::StrCat("is larger than 1 MiB (", source.text().size(),
                                          " bytes); that is no configuration file"));
  }
  NORROY_RETURN_IF_ERROR(CheckCharacters(source));
  TreeBuilder builder(source);
  NORROY_RETURN_IF_ERROR(Parse(source, builder));
  YamlNode root = builder.TakeRoot();
  if (root.kind == YamlNode::Kind::kNull) root.kind = YamlNode::Kind::kMap;
  return root;
}

}  // namespace norroy::config
