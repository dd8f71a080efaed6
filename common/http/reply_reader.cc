#include "common/http/reply_reader.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace norroy::http {
namespace {

void ReadStatusLine(absl::string_view line, Response& response) {
  response = Response();
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return;
  for (const char c : line.substr(space + 1, 3)) {
    if (absl::ascii_isdigit(c)) response.status = response.status * 10 + (c - '0');
  }
}

}  // namespace

bool ReplyReader::OnHeaderLine(absl::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    too_large_ = true;
    return false;
  }
  line = absl::StripTrailingAsciiWhitespace(line);
  if (absl::StartsWith(line, "HTTP/")) {
    ReadStatusLine(line, response_);
    headers_complete_ = false;
    return true;
  }
  if (line.empty()) headers_complete_ = true;
  const size_t colon = line.find(':');
  if (headers_complete_ || colon == absl::string_view::npos) return true;
  response_.headers.emplace_back(std::string(line.substr(0, colon)),
                                 std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  return true;
}

bool ReplyReader::OnBody(absl::string_view piece) {
  if (piece.size() > max_body_bytes_ - response_.body.size()) {
    too_large_ = true;
    return false;
  }
  response_.body.append(piece.data(), piece.size());
  return true;
}

}  // namespace norroy::http
