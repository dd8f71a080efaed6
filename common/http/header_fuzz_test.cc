#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::http {
namespace {

TEST(HeaderFuzz, HoldsOverHeadersAndTheirMutations) {
  fuzz::Replay({"3600", "99999999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                "<https://ca.example/cert/1/2>;rel=\"alternate\"",
                "<a>;rel=alternate,<b>;title=\"x\\\"y\";rel=\"index alternate\";anchor=c"},
               2000);
}

}  // namespace
}  // namespace norroy::http
