#include "issuer/acme/hostile_json.h"

#include "absl/strings/str_cat.h"

namespace norroy::acme {

std::vector<HostileJson> HostileJsonTable() {
  return {
      {"empty", ""},
      {"blank", " \r\n\t"},
      {"null", "null"},
      {"array", "[]"},
      {"array of objects", "[{}]"},
      {"number", "1"},
      {"string", "\"valid\""},
      {"truncated object", R"({"status":"pending")"},
      {"truncated string", R"({"status":"pen)"},
      {"truncated escape", R"({"status":"\u00)"},
      {"lone surrogate", R"({"status":"\ud800"})"},
      {"trailing comma", R"({"status":"pending",})"},
      {"single quotes", "{'status':'pending'}"},
      {"comment", "{/* */}"},
      {"two objects", "{}{}"},
      {"text after", "{} x"},
      {"text before", "x {}"},
      {"duplicate member", R"({"status":"valid","status":"pending"})"},
      {"duplicate member by escape", R"({"status":"valid","statu\u0073":"pending"})"},
      {"duplicate member inside", R"({"error":{"a":1,"a":2}})"},
      {"byte order mark", "\xEF\xBB\xBF{}"},
      {"UTF-16", std::string("{\0}\0", 4)},
      {"NUL after", std::string("{}\0", 3)},
      {"NUL inside a string", std::string("{\"a\":\"b\0c\"}", 11)},
      {"control character", "{\"a\":\"b\nc\"}"},
      {"bad UTF-8", "{\"a\":\"\xFF\"}"},
      {"overlong UTF-8", "{\"a\":\"\xC0\xAF\"}"},
      {"UTF-8 surrogate", "{\"a\":\"\xED\xA0\x80\"}"},
      {"1e400", R"({"a":1e400})"},
      {"NaN", R"({"a":NaN})"},
      {"Infinity", R"({"a":Infinity})"},
      {"leading zero", R"({"a":01})"},
      {"plus", R"({"a":+1})"},
      {"hexadecimal", R"({"a":0x1})"},
      {"10,000 deep arrays", absl::StrCat(R"({"a":)", std::string(10'000, '['))},
      {"100,000 deep objects",
       [] {
         std::string text;
         for (int i = 0; i < 40'000; ++i) text += "{\"a\":";
         return text;
       }()},
      {"too long", absl::StrCat(R"({"a":")", std::string(256 * 1024, 'x'), R"("})")},
      {"HTML", "<!DOCTYPE html><html><body>Please log in</body></html>"},
      {"PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
  };
}

}  // namespace norroy::acme
