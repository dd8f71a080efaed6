// What ToYaml writes ParseYaml reads as the same message; and maps.

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "norroy/config/v1/agent.pb.h"
#include "norroy/config/v1/issuer.pb.h"
#include "norroy/config/v1/validator.pb.h"
#include "norroy/types/v1/error_info.pb.h"

namespace norroy::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using v1::AgentConfig;
using v1::IssuerConfig;
using v1::ValidatorConfig;

// libprotobuf is not built for the thread sanitizer, whose map fields have another layout.
#ifdef __SANITIZE_THREAD__
constexpr bool kMapsWork = false;
#else
constexpr bool kMapsWork = true;
#endif

TEST(ParseYaml, Maps) {
  if (!kMapsWork) GTEST_SKIP() << "map fields under the thread sanitizer";
  types::v1::ErrorInfo info;
  ASSERT_TRUE(ParseYaml("reason: A\nmetadata:\n  b: '2'\n  a: 1\n  \"\": x\n", "f", info).ok());
  EXPECT_EQ(info.metadata().size(), 3u);
  EXPECT_EQ(info.metadata().at("a"), "1");
  EXPECT_EQ(info.metadata().at(""), "x");
  EXPECT_EQ(ToYaml(info), "reason: A\nmetadata:\n  \"\": x\n  a: \"1\"\n  b: \"2\"\n");
  struct Case {
    absl::string_view yaml, error;
  };
  const Case cases[] = {
      {"metadata: {a: 1, a: 2}", "f:1:18: key \"a\" appears twice"},
      {"metadata: {a: }", "f:1:12: metadata[\"a\"]: has no value"},
      {"metadata: {a: [b]}", "f:1:15: metadata[\"a\"]: expected text, got a list"},
      {"metadata: [a]", "f:1:11: metadata: expected keys and values"},
      {"metadata: {[a]: b}", "f:1:12: a key is a word"},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(absl::StartsWith(ParseYaml(c.yaml, "f", info).message(), c.error)) << c.yaml;
  }
}

// Draws messages by their descriptors: every field that the schema has, with nasty text.
class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}

  void Fill(Message& message, int depth = 0) {
    const auto& descriptor = *message.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor& field = *descriptor.field(i);
      if (field.is_map()) continue;
      for (int n = field.is_repeated() ? Pick(4) : Pick(2); n > 0; --n) Set(message, field, depth);
    }
  }

  std::string Text() {
    static const char* const kPieces[] = {"a",
                                          "B",
                                          "0",
                                          " ",
                                          "  ",
                                          "\n",
                                          "\"",
                                          "'",
                                          "\\",
                                          "#",
                                          " #",
                                          ":",
                                          ": ",
                                          "-",
                                          "- ",
                                          "?",
                                          "*",
                                          "&",
                                          "!",
                                          "%",
                                          "@",
                                          "`",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          "|",
                                          ">",
                                          "~",
                                          "null",
                                          "true",
                                          "yes",
                                          "1",
                                          "0x1",
                                          "\t",
                                          "\r",
                                          "\x7f",
                                          "\x01",
                                          "\x1b",
                                          "\xC2\x85",
                                          "\xC2\xA0",
                                          "\xC3\xBC",
                                          "\xE2\x80\xA8",
                                          "\xE2\x80\xA9",
                                          "\xEF\xBB\xBF",
                                          "\xE4\xB8\xAD",
                                          "\xF0\x9F\x92\xA9",
                                          "/",
                                          ".",
                                          "_",
                                          "---",
                                          "...",
                                          "<<",
                                          "=",
                                          "$"};
    std::string text;
    for (int n = Pick(6); n > 0; --n) text += kPieces[Pick(std::size(kPieces))];
    return text;
  }

 private:
  int Pick(size_t n) { return static_cast<int>(random_() % n); }

  void Set(Message& message, const FieldDescriptor& field, int depth) {
    const auto& r = *message.GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Fill(add ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field),
             depth + 1);
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        add ? r.AddString(&message, &field, Text()) : r.SetString(&message, &field, Text());
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        r.SetBool(&message, &field, Pick(2) == 1);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        r.SetInt32(&message, &field, static_cast<int32_t>(random_() & INT32_MAX));
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        r.SetEnum(&message, &field,
                  field.enum_type()->value(Pick(field.enum_type()->value_count())));
        break;
      default:
        FAIL() << "the schema grew a type that this test does not draw: " << field.full_name();
    }
  }

  std::mt19937 random_;
};

template <typename Config>
void RoundTrips(uint32_t seed) {
  Config config;
  Draw(seed).Fill(config);
  const std::string yaml = ToYaml(config);
  Config again;
  const absl::Status status = ParseYaml(yaml, "f", again);
  ASSERT_TRUE(status.ok()) << status << "\n" << yaml;
  ASSERT_TRUE(MessageDifferencer::Equals(config, again)) << yaml;
  ASSERT_EQ(ToYaml(again), yaml);
}

TEST(ToYaml, ParsesToAnEqualMessage) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    RoundTrips<IssuerConfig>(seed);
    RoundTrips<ValidatorConfig>(seed);
    RoundTrips<AgentConfig>(seed);
  }
}

TEST(ToYaml, MapsParseToAnEqualMessage) {
  if (!kMapsWork) GTEST_SKIP() << "map fields under the thread sanitizer";
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Draw draw(seed);
    types::v1::ErrorInfo info;
    for (int i = 0; i < 5; ++i) (*info.mutable_metadata())[draw.Text()] = draw.Text();
    types::v1::ErrorInfo again;
    ASSERT_TRUE(ParseYaml(ToYaml(info), "f", again).ok()) << ToYaml(info);
    ASSERT_TRUE(MessageDifferencer::Equals(info, again)) << ToYaml(info);
  }
}

TEST(ToYaml, ReadsWell) {
  IssuerConfig config;
  config.set_deployment("prod");
  config.add_listen("0.0.0.0:8443");
  config.mutable_identity()->set_identity_file("issuer.pem");
  config.add_cas()->set_name("le");
  config.mutable_cas(0)->set_agree_tos(true);
  config.mutable_cas(0)->add_contacts("mailto:a@example.com");
  config.add_cas();
  config.add_grants()->add_names("*.example.com");
  config.mutable_log()->set_level(v1::LOG_LEVEL_DEBUG);
  config.set_workers(8);
  config.mutable_limits();
  EXPECT_EQ(ToYaml(config), R"(deployment: prod
listen:
  - "0.0.0.0:8443"
identity:
  identity_file: issuer.pem
cas:
  - name: le
    contacts:
      - "mailto:a@example.com"
    agree_tos: true
  - {}
grants:
  - names:
      - "*.example.com"
log:
  level: debug
workers: 8
limits: {}
)");
  EXPECT_EQ(ToYaml(IssuerConfig()), "");
}

}  // namespace
}  // namespace norroy::config
