// A reply in pieces: however the transport cuts it, it is the same reply, within its caps, and it
// is refused exactly if it is too long. The input is a byte that says how it is cut, and an HTTP
// reply.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/http/client.h"
#include "common/http/reply_reader.h"

namespace {

using norroy::http::kMaxHeaderBytes;
using norroy::http::ReplyReader;
using norroy::http::Response;

constexpr size_t kMaxBody = 512;

struct Read {
  bool taken = true;
  bool complete = false;
  Response response;
};

// Line by line up to an empty one that no further status line follows, as libcurl does; then the
// body by pieces of `piece` bytes.
Read ReadBy(absl::string_view bytes, size_t piece) {
  ReplyReader reader(kMaxBody);
  Read read;
  while (!bytes.empty() && read.taken) {
    const size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    read.taken = reader.OnHeaderLine(bytes.substr(0, end));
    bytes.remove_prefix(end);
    const bool again = reader.response().status / 100 == 1 && absl::StartsWith(bytes, "HTTP/");
    if (reader.headers_complete() && !again) break;
  }
  for (; !bytes.empty() && read.taken; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    read.taken = reader.OnBody(bytes.substr(0, piece));
  }
  NORROY_CHECK(read.taken == !reader.too_large());
  read.complete = reader.headers_complete();
  read.response = std::move(reader.response());
  return read;
}

void CheckCaps(const Response& response) {
  NORROY_CHECK(response.body.size() <= kMaxBody);
  NORROY_CHECK(response.status >= 0 && response.status <= 999);
  size_t bytes = 0;
  for (const auto& [name, value] : response.headers) {
    bytes += name.size() + value.size() + 1;
    NORROY_CHECK(name.find('\n') == std::string::npos && value.find('\n') == std::string::npos);
    NORROY_CHECK(name.find(':') == std::string::npos);
#ifdef PLANTED
    NORROY_CHECK(response.status != 404 || value.empty() || response.body.size() < 16);
#endif
  }
  NORROY_CHECK(bytes <= kMaxHeaderBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return -1;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read whole = ReadBy(bytes, bytes.size() + 1);
  CheckCaps(whole.response);
  for (const size_t piece : {size_t{1}, size_t{1} + data[0], size_t{16 * 1024}}) {
    const Read read = ReadBy(bytes, piece);
    CheckCaps(read.response);
    NORROY_CHECK(read.taken == whole.taken && read.complete == whole.complete);
    if (!read.taken) continue;
    NORROY_CHECK(read.response.status == whole.response.status &&
                 read.response.headers == whole.response.headers &&
                 read.response.body == whole.response.body);
  }
  return 0;
}
