#include "absl/strings/str_cat.h"
#include "common/crypto/csr_draft.h"
#include "common/crypto/der_builder.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kBasicConstraints = "2.5.29.19";
constexpr absl::string_view kKeyUsage = "2.5.29.15";
constexpr absl::string_view kMustStaple = "1.3.6.1.5.5.7.1.24";

void AddCommonNames(std::vector<CsrCase>& cases) {
  const std::string san = Sans({Dns(kName)});
  const std::string long_name = std::string(63, 'a') + ".";
  const std::string name64 = long_name.substr(0, 52) + ".example.com";
  const std::string name65 = long_name.substr(0, 53) + ".example.com";
  const std::string twice = Seq({Set({Seq({Oid("2.5.4.3"), Tlv(0x0C, kName)})}),
                                 Set({Seq({Oid("2.5.4.3"), Tlv(0x0C, "a.example.com")})})});
  const std::string organization = Seq({Set({Seq({Oid("2.5.4.10"), Tlv(0x0C, "Example Ltd")})})});
  cases.insert(
      cases.end(),
      {
          {"no names", WithSubject(Seq({}), ""), "it names nothing", {}},
          {"organization only", WithSubject(organization, ""), "it names nothing", {}},
          {"organization and SAN", WithSubject(organization, san), "", TheName()},
          {"CN only", WithSubject(CommonName(kName), ""), "", TheName()},
          {"CN only, printable", WithSubject(CommonName(kName, 0x13), ""), "", TheName()},
          {"CN only, IA5", WithSubject(CommonName(kName, 0x16), ""), "", TheName()},
          {"CN only, upper case", WithSubject(CommonName("WWW.Example.COM"), ""), "", TheName()},
          {"CN only, wildcard",
           WithSubject(CommonName("*.example.com"), ""),
           "",
           {"*.example.com"}},
          {"CN only, address", WithSubject(CommonName("192.0.2.1"), ""), "IP:192.0.2.1", {}},
          {"CN only, a person", WithSubject(CommonName("Alice Example"), ""), "CSR: ", {}},
          {"CN only, trailing dot",
           WithSubject(CommonName("www.example.com."), ""),
           "write it as www.example.com",
           {}},
          {"CN in SAN", WithSubject(CommonName(kName), san), "", TheName()},
          {"CN in SAN but for case", WithSubject(CommonName("WWW.example.com"), san), "",
           TheName()},
          {"CN address in SAN",
           WithSubject(CommonName("192.0.2.1"), Sans({Entry(7, std::string("\xC0\0\x02\x01", 4))})),
           "",
           {"192.0.2.1"}},
          {"CN not in SAN",
           WithSubject(CommonName("evil.example.com"), san),
           "\"evil.example.com\" is not in the subjectAltName",
           {}},
          {"CN a person, SAN", WithSubject(CommonName("Alice"), san), "is not in the", {}},
          {"CN with NUL",
           WithSubject(CommonName(absl::string_view("good.com\0.evil.com", 18)), ""),
           "CSR: ",
           {}},
          {"CN with NUL, SAN",
           WithSubject(CommonName(absl::string_view("www.example.com\0.evil.com", 25)), san),
           "is not in the",
           {}},
          {"CN with terminal codes", WithSubject(CommonName("\x1b[31mred"), san), "\\x1b[31m", {}},
          {"CN of 64", WithSubject(CommonName(name64), ""), "", {name64}},
          {"CN of 65", WithSubject(CommonName(name65), ""), "65 bytes", {}},
          {"CN empty", WithSubject(CommonName(""), san), "0 bytes", {}},
          {"CN BMP",
           WithSubject(CommonName(std::string("\0w\0w", 4), 0x1E), san),
           "UTF8String",
           {}},
          {"CN Teletex", WithSubject(CommonName(kName, 0x14), san), "UTF8String", {}},
          {"CN Universal", WithSubject(CommonName("abcd", 0x1C), san), "UTF8String", {}},
          {"CN twice", WithSubject(twice, ""), "several common names", {}},
          {"CN twice, in SAN",
           WithSubject(twice, Sans({Dns(kName), Dns("a.example.com")})),
           "",
           {"a.example.com", std::string(kName)}},
          {"CN twice, one in SAN", WithSubject(twice, san), "a.example.com\" is not in", {}},
          {"subject with an empty part", WithSubject(Seq({Set({})}), san), "empty part", {}},
          {"subject no set", WithSubject(Seq({Null()}), san), "part of the subject is missing", {}},
      });
}

std::string ManyNames(int count) {
  std::string entries;
  for (int i = 0; i < count; ++i) entries += Dns(absl::StrCat("n", i, ".example.com"));
  return WithAttributes(Extensions({Extension(kSubjectAltName, Tlv(0x30, entries))}));
}

void AddAlternativeNames(std::vector<CsrCase>& cases) {
  const auto sans = [](std::initializer_list<absl::string_view> entries) {
    return WithAttributes(Sans(entries));
  };
  const std::string ipv6 = FromHex("20010db8000000000000000000000001");
  const std::string ipv4("\xC0\0\x02\x01", 4);
  const std::string long_label = std::string(63, 'a');
  const std::string name253 =
      absl::StrCat(long_label, ".", long_label, ".", long_label, ".", std::string(57, 'b'), ".com");
  std::vector<std::string> hundred;
  for (int i = 0; i < 100; ++i) hundred.push_back(absl::StrCat("n", i, ".example.com"));
  cases.insert(
      cases.end(),
      {
          {"two",
           sans({Dns("b.example.com"), Dns("a.example.com")}),
           "",
           {"a.example.com", "b.example.com"}},
          {"doubled", sans({Dns(kName), Dns(kName)}), "", TheName()},
          {"doubled but for case", sans({Dns(kName), Dns("WWW.Example.com")}), "", TheName()},
          {"wildcard",
           sans({Dns("*.example.com"), Dns("example.com")}),
           "",
           {"*.example.com", "example.com"}},
          {"addresses", sans({Entry(7, ipv4), Entry(7, ipv6)}), "", {"192.0.2.1", "2001:db8::1"}},
          {"253 characters", sans({Dns(name253)}), "", {name253}},
          {"100 names", ManyNames(100), "", hundred},
          {"101 names", ManyNames(101), "more than 100 names", {}},
          {"254 characters", sans({Dns("b" + name253)}), "entry 1", {}},
          {"trailing dot", sans({Dns("www.example.com.")}), "write it as www.example.com", {}},
          {"empty dNSName", sans({Dns(kName), Dns("")}), "entry 2", {}},
          {"one label", sans({Dns("localhost")}), "entry 1", {}},
          {"underscore", sans({Dns("_acme-challenge.example.com")}), "entry 1", {}},
          {"wildcard inside", sans({Dns("a.*.example.com")}), "entry 1", {}},
          {"two wildcards", sans({Dns("*.*.example.com")}), "entry 1", {}},
          {"blank", sans({Dns(" www.example.com")}), "entry 1", {}},
          {"NUL", sans({Dns(absl::string_view("www.example.com\0.evil.com", 25))}), "entry 1", {}},
          {"not ASCII",
           sans({Dns("b\xC3\xBC"
                     "cher.example.com")}),
           "entry 1",
           {}},
          {"address as dNSName", sans({Dns("192.0.2.1")}), "IP:192.0.2.1", {}},
          {"address of 5 bytes", sans({Entry(7, "12345")}), "iPAddress of 5 bytes", {}},
          {"address of 17 bytes", sans({Entry(7, ipv6 + "x")}), "iPAddress of 17 bytes", {}},
          {"address of 8 bytes", sans({Entry(7, "12345678")}), "iPAddress of 8 bytes", {}},
          {"address of 0 bytes", sans({Entry(7, "")}), "iPAddress of 0 bytes", {}},
          {"mail", sans({Dns(kName), Entry(1, "a@example.com")}), "kind [1]", {}},
          {"URI", sans({Dns(kName), Entry(6, "https://example.com")}), "kind [6]", {}},
          {"otherName",
           sans({Dns(kName), Tlv(0xA0, Oid("1.2.3") + Tlv(0xA0, Null()))}),
           "kind [0]",
           {}},
          {"dirName", sans({Dns(kName), Tlv(0xA4, Seq({}))}), "kind [4]", {}},
          {"registeredID", sans({Dns(kName), Entry(8, "\x2A\x03")}), "kind [8]", {}},
          {"constructed dNSName", sans({Tlv(0xA2, Tlv(0x16, kName))}), "kind [2]", {}},
          {"universal string", sans({Tlv(0x16, kName)}), "kind [22]", {}},
          {"no entries", sans({}), "subjectAltName is empty", {}},
          {"not a sequence",
           WithAttributes(Extensions({Extension(kSubjectAltName, Null())})),
           "subjectAltName is missing",
           {}},
          {"garbage",
           WithAttributes(Extensions({Extension(kSubjectAltName, "garbage")})),
           "not DER",
           {}},
          {"trailing bytes",
           WithAttributes(Extensions({Extension(kSubjectAltName, Seq({Dns(kName)}) + Null())})),
           "after the end",
           {}},
          {"critical SAN", WithAttributes(Extensions({San({Dns(kName)}, true)})), "", TheName()},
          {"two SANs",
           WithAttributes(Extensions({San({Dns(kName)}), San({Dns("x.example.com")})})),
           "is there twice",
           {}},
      });
}

void AddExtensions(std::vector<CsrCase>& cases) {
  const auto usage = [](const std::string& bits, uint8_t unused) {
    return WithExtension(Extension(kKeyUsage, BitString(bits, unused), true));
  };
  const std::string default_critical = Seq({Oid("1.2.3.4"), Boolean(false), OctetString(Null())});
  cases.insert(
      cases.end(),
      {
          {"CA:FALSE", WithExtension(Extension(kBasicConstraints, Seq({}), true)), "", TheName()},
          {"CA:TRUE",
           WithExtension(Extension(kBasicConstraints, Seq({Boolean(true)}))),
           "CA:FALSE",
           {}},
          {"CA:FALSE written out",
           WithExtension(Extension(kBasicConstraints, Seq({Boolean(false)}))),
           "CA:FALSE",
           {}},
          {"pathlen alone",
           WithExtension(Extension(kBasicConstraints, Seq({Integer(0)}))),
           "CA:FALSE",
           {}},
          {"basicConstraints garbage",
           WithExtension(Extension(kBasicConstraints, "x")),
           "not DER",
           {}},
          {"digitalSignature, keyEncipherment", usage("\xA0", 5), "", TheName()},
          {"keyCertSign", usage("\x04", 2), "keyCertSign", {}},
          {"cRLSign", usage("\x02", 1), "cRLSign", {}},
          {"keyCertSign among others", usage("\x86", 1), "keyCertSign", {}},
          {"keyUsage empty", WithExtension(Extension(kKeyUsage, BitString(""))), "", TheName()},
          {"keyUsage no bits",
           WithExtension(Extension(kKeyUsage, Null())),
           "keyUsage is missing",
           {}},
          {"extended key usage",
           WithExtension(Extension("2.5.29.37", Seq({Oid("1.3.6.1.5.5.7.3.1")}), true)), "",
           TheName()},
          {"must-staple", WithExtension(Extension(kMustStaple, Seq({Integer(5)}))), "", TheName()},
          {"unknown", WithExtension(Extension("1.2.3.4", Null())), "", TheName()},
          {"unknown critical",
           WithExtension(Extension("1.2.3.4", Null(), true)),
           "unknown critical extension 1.2.3.4",
           {}},
          {"critical name constraints",
           WithExtension(Extension("2.5.29.30", Seq({}), true)),
           "unknown critical extension",
           {}},
          {"twice",
           WithAttributes(Extensions(
               {San({Dns(kName)}), Extension("1.2.3.4", Null()), Extension("1.2.3.4", Null())})),
           "1.2.3.4 is there twice",
           {}},
          {"critical = FALSE written out", WithExtension(default_critical), "critical = FALSE", {}},
          {"critical = 1",
           WithExtension(Seq({Oid("1.2.3.4"), Tlv(1, "\x01"), OctetString("")})),
           "BOOLEAN",
           {}},
          {"extension without value", WithExtension(Seq({Oid("1.2.3.4")})), "value is missing", {}},
          {"extension of four parts",
           WithExtension(Seq({Oid("1.2.3.4"), OctetString(""), OctetString("")})),
           "bytes after an extension",
           {}},
          {"extension no sequence", WithExtension(Null()), "an extension is missing", {}},
      });
}

}  // namespace

void AddNameCases(std::vector<CsrCase>& cases) {
  AddCommonNames(cases);
  AddAlternativeNames(cases);
  AddExtensions(cases);
}

}  // namespace norroy::crypto
