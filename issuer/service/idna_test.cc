#include "issuer/service/idna.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error/error.h"

namespace norroy::service {
namespace {

TEST(ToAscii, Table) {
  const struct {
    std::string input;
    std::string output;  // "": refused
  } cases[] = {
      {"www.example.com", "www.example.com"},
      {"Www.Example.Com", "Www.Example.Com"},
      {"*.example.com", "*.example.com"},
      {"ab--cd.example.com", "ab--cd.example.com"},
      {"192.0.2.1", "192.0.2.1"},
      {"2001:db8::1", "2001:db8::1"},
      {"a..b", "a..b"},
      {"under_score.example.com", "under_score.example.com"},
      {"bücher.example.com", "xn--bcher-kva.example.com"},
      {"BÜCHER.Example.com", "xn--bcher-kva.example.com"},
      {"*.bücher.example.com", "*.xn--bcher-kva.example.com"},
      {"b\x75\xcc\x88"
       "cher.example.com",
       "xn--bcher-kva.example.com"},  // not NFC
      {"faß.example.com", "xn--fa-hia.example.com"},
      {"שלום.example.com", "xn--9dbne9b.example.com"},
      {"bücher。example.com", "xn--bcher-kva.example.com"},  // U+3002
      {"xn--bcher-kva.example.com", "xn--bcher-kva.example.com"},
      {"XN--BCHER-KVA.example.com", "xn--bcher-kva.example.com"},
      {"a.xn--bcher-kva.com", "a.xn--bcher-kva.com"},
      {"xn--.example.com", ""},
      {"xn--abc-.example.com", ""},  // decodes to ASCII
      {"xn--99999999.example.com", ""},
      {"xn--a.example.com", ""},
      {"xn--n3h.example.com", ""},  // a snowman is no letter
      {"☃.example.com", ""},
      {"a\xe2\x80\x8d"
       "b.example.com",
       ""},  // ZWJ
      {"-ü.example.com", ""},
      {"ab--ü.example.com", ""},
      {"\xff\xfe.example.com", ""},
      {std::string("ü\0.example.com", 15), ""},
      {std::string(1025, 'a'), ""},
      {"", ""},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.input);
    const absl::StatusOr<std::string> output = ToAscii(row.input);
    if (row.output.empty() && !row.input.empty()) {
      ASSERT_FALSE(output.ok()) << *output;
      EXPECT_EQ(output.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(ErrorReason(output.status()), "BAD_NAME");
      continue;
    }
    ASSERT_TRUE(output.ok()) << output.status();
    EXPECT_EQ(*output, row.output);
    EXPECT_EQ(*ToAscii(*output), *output);  // idempotent
  }
}

}  // namespace
}  // namespace norroy::service
