#include "agent/presenter/dns/txt_writer.h"

#include <gtest/gtest.h>

#include "agent/presenter/dns/memory_txt_writer.h"
#include "agent/presenter/dns/txt_writer_contract.h"

namespace norroy::agent {
namespace {

dns::Name Make(absl::string_view text) { return *dns::Name::Parse(text); }

class MemoryUnderTest final : public TxtWriterUnderTest {
 public:
  TxtWriter& writer() override { return writer_; }
  std::set<std::string> Look(const dns::Name& owner) override { return writer_.Values(owner); }
  bool PutAsStranger(const dns::Name& owner, const std::string& value) override {
    writer_.Put(owner, value);
    return true;
  }

 private:
  MemoryTxtWriter writer_{{Make("acme.example.net")}};
};

std::unique_ptr<TxtWriterUnderTest> MakeMemoryUnderTest() {
  return std::make_unique<MemoryUnderTest>();
}
INSTANTIATE_TEST_SUITE_P(Memory, TxtWriterContract, testing::Values(&MakeMemoryUnderTest));

TEST(ZoneOf, IsTheLongest) {
  const std::vector<dns::Name> zones = {Make("example.com"), Make("a.example.com"),
                                        Make("example.net")};
  struct Case {
    const char* owner;
    const char* zone;  // "": none
  };
  const Case cases[] = {
      {"example.com", "example.com"},
      {"x.example.com", "example.com"},
      {"a.example.com", "a.example.com"},
      {"_x.y.a.example.com", "a.example.com"},
      {"ba.example.com", "example.com"},
      {"www.example.net", "example.net"},
      {"example.org", ""},
      {"com", ""},
      {"notexample.com", ""},
  };
  for (const Case& c : cases) {
    const dns::Name* const zone = ZoneOf(zones, Make(c.owner));
    EXPECT_EQ(zone == nullptr ? "" : zone->text(), c.zone) << c.owner;
  }
  EXPECT_EQ(ZoneOf({}, Make("example.com")), nullptr);
}

}  // namespace
}  // namespace norroy::agent
