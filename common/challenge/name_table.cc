#include "common/challenge/name_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace norroy::challenge {
namespace {

using Cases = std::vector<NameCase>;

// What messages say, one constant a verdict.
constexpr char kEmpty[] = "is empty";
constexpr char kLong[] = "longer than 253";
constexpr char kLongLabel[] = "at most 63";
constexpr char kEmptyLabel[] = "empty label";
constexpr char kManyLabels[] = "at most 10";
constexpr char kSingle[] = "single label";
constexpr char kHyphen[] = "begins or ends with a hyphen";
constexpr char kReserved[] = "places 3 and 4";
constexpr char kALabel[] = "no A-label";
constexpr char kAscii[] = "not ASCII";
constexpr char kCharacter[] = "only letters, digits";
constexpr char kUnderscore[] = "underscore";
constexpr char kWildcard[] = "whole first label";
constexpr char kWildcardAddress[] = "wildcard below an address";
constexpr char kSpecial[] = "special-use";
constexpr char kNumber[] = "no IPv4 address";
constexpr char kNoHost[] = "no host has";
constexpr char kIpv6[] = "no IPv6 address";
constexpr char kZone[] = "without a zone";
constexpr char kBrackets[] = "without brackets";
constexpr char kMapped[] = "IPv4 address in IPv6 form";

std::string Label(size_t length) { return std::string(length, 'a'); }

// `count` labels "a".
std::string Labels(size_t count) {
  return absl::StrJoin(std::vector<std::string>(count, "a"), ".");
}

// Exactly `length` characters, 4 to 256, in labels of at most 63.
std::string OfLength(size_t length) {
  std::string name;
  while (length > 64) {
    absl::StrAppend(&name, Label(62), ".");
    length -= 63;
  }
  return absl::StrCat(name, Label(length - 2), ".b");
}

const Cases& Ordinary() {
  static const Cases cases = {
      {"www.example.com", "www.example.com", ""},
      {"example.com", "example.com", ""},
      {"a.b", "a.b", ""},
      {"www.example.test", "www.example.test", ""},
      {"a.example.test", "a.example.test", ""},
      {"example.test", "example.test", ""},
      {"example.example", "example.example", ""},
      {"host.internal", "host.internal", ""},
      {"host.lan", "host.lan", ""},
      {"1.example.com", "1.example.com", ""},
      {"123.example.com", "123.example.com", ""},
      {"1a.com", "1a.com", ""},
      {"3com.com", "3com.com", ""},
      {"a-b.example.com", "a-b.example.com", ""},
      {"a--b.example.com", "a--b.example.com", ""},
      {"abc--d.example.com", "abc--d.example.com", ""},
      {"a-----------b.example.com", "", kReserved},
      {"abc---d.example.com", "abc---d.example.com", ""},
      {"example.c0m", "example.c0m", ""},
      {"example.1com", "example.1com", ""},
      {"example.0xg", "example.0xg", ""},
      {"example.x0", "example.x0", ""},
      {"1.2.3.4.example.com", "1.2.3.4.example.com", ""},
      {"1-2-3-4.example.com", "1-2-3-4.example.com", ""},
      {"co.uk", "co.uk", ""},
      {"github.io", "github.io", ""},
      {"example.co.uk", "example.co.uk", ""},
      {"localhost.example.com", "localhost.example.com", ""},
      {"local.example.com", "local.example.com", ""},
      {"onion.example.com", "onion.example.com", ""},
      {"arpa.example.com", "arpa.example.com", ""},
      {"invalid.example.com", "invalid.example.com", ""},
      {"mylocal.com", "mylocal.com", ""},
      {"test.invalids", "test.invalids", ""},
      {"null.example.com", "null.example.com", ""},
      {"true.example.com", "true.example.com", ""},
      // Homoglyphs in ASCII are names like others.
      {"examp1e.com", "examp1e.com", ""},
      {"rnicrosoft.com", "rnicrosoft.com", ""},
  };
  return cases;
}

const Cases& CaseAndDots() {
  static const Cases cases = {
      {"WWW.EXAMPLE.COM", "www.example.com", ""},
      {"Www.Example.Com", "www.example.com", ""},
      {"wWw.eXaMpLe.CoM", "www.example.com", ""},
      {"EXAMPLE.test", "example.test", ""},
      {"www.example.com.", "www.example.com", ""},
      {"WWW.example.COM.", "www.example.com", ""},
      {"example.com.", "example.com", ""},
      {"XN--BCHER-KVA.example.com", "xn--bcher-kva.example.com", ""},
      {"Xn--Bcher-Kva.example.com.", "xn--bcher-kva.example.com", ""},
      {"*.EXAMPLE.com", "*.example.com", ""},
      {"*.example.com.", "*.example.com", ""},
      {"*.Example.Com.", "*.example.com", ""},
      {"", "", kEmpty},
      {".", "", kEmpty},
      {"..", "", kEmptyLabel},
      {"...", "", kEmptyLabel},
      {".com", "", kEmptyLabel},
      {".example.com", "", kEmptyLabel},
      {"..example.com", "", kEmptyLabel},
      {"www..example.com", "", kEmptyLabel},
      {"www.example..com", "", kEmptyLabel},
      {"www.example.com..", "", kEmptyLabel},
      {"www.example.com...", "", kEmptyLabel},
      {".www.example.com.", "", kEmptyLabel},
      {"com", "", kSingle},
      {"com.", "", kSingle},
      {"a", "", kSingle},
      {"www", "", kSingle},
      {"test", "", kSingle},
      {"xn--p1ai", "", kSingle},
      {"EXAMPLE", "", kSingle},
  };
  return cases;
}

Cases Lengths() {
  return {
      {Label(62) + ".example.com", Label(62) + ".example.com", ""},
      {Label(63) + ".example.com", Label(63) + ".example.com", ""},
      {Label(64) + ".example.com", "", kLongLabel},
      {Label(65) + ".example.com", "", kLongLabel},
      {Label(200) + ".example.com", "", kLongLabel},
      {"www." + Label(64) + ".com", "", kLongLabel},
      {"www.example." + Label(63), "www.example." + Label(63), ""},
      {"www.example." + Label(64), "", kLongLabel},
      {"*." + Label(63) + ".com", "*." + Label(63) + ".com", ""},
      {"*." + Label(64) + ".com", "", kLongLabel},
      {OfLength(251), OfLength(251), ""},
      {OfLength(252), OfLength(252), ""},
      {OfLength(253), OfLength(253), ""},
      {OfLength(253) + ".", OfLength(253), ""},
      {OfLength(254), "", kLong},
      {OfLength(254) + ".", "", kLong},
      {OfLength(255), "", kLong},
      {OfLength(256), "", kLong},
      {"*." + OfLength(250), "*." + OfLength(250), ""},
      {"*." + OfLength(251), "*." + OfLength(251), ""},
      {"*." + OfLength(251) + ".", "*." + OfLength(251), ""},
      {"*." + OfLength(252), "", kLong},
      {"*." + OfLength(253), "", kLong},
      {Label(253), "", kLongLabel},
      {Label(254), "", kLong},
      {Label(255), "", kLong},
      {Label(100000), "", kLong},
      {std::string(300, '.'), "", kLong},
      {Labels(2), Labels(2), ""},
      {Labels(9), Labels(9), ""},
      {Labels(10), Labels(10), ""},
      {Labels(10) + ".", Labels(10), ""},
      {Labels(11), "", kManyLabels},
      {Labels(11) + ".", "", kManyLabels},
      {Labels(12), "", kManyLabels},
      {Labels(127), "", kManyLabels},
      {Labels(128), "", kLong},
      {"*." + Labels(9), "*." + Labels(9), ""},
      {"*." + Labels(10), "*." + Labels(10), ""},
      {"*." + Labels(11), "", kManyLabels},
  };
}

const Cases& Hyphens() {
  static const Cases cases = {
      {"-a.example.com", "", kHyphen},
      {"a-.example.com", "", kHyphen},
      {"-.example.com", "", kHyphen},
      {"--.example.com", "", kHyphen},
      {"www.-example.com", "", kHyphen},
      {"www.example-.com", "", kHyphen},
      {"www.example.-com", "", kHyphen},
      {"www.example.com-", "", kHyphen},
      {"-www.example.com-", "", kHyphen},
      {"www.example.com-.", "", kHyphen},
      {"*.-example.com", "", kHyphen},
      {"xn-.example.com", "", kHyphen},
      {"xn--.example.com", "", kHyphen},
      {"xn--a-.example.com", "", kHyphen},
      {"xn---.example.com", "", kHyphen},
      {"ab--cd.example.com", "", kReserved},
      {"AB--CD.example.com", "", kReserved},
      {"zz--a.example.com", "", kReserved},
      {"12--3.example.com", "", kReserved},
      {"a1--b.com", "", kReserved},
      {"www.ab--cd.com", "", kReserved},
      {"www.example.ab--cd", "", kReserved},
      {"*.ab--cd.com", "", kReserved},
      {"bq--abc.example.com", "", kReserved},
      {"xm--bcher-kva.example.com", "", kReserved},
  };
  return cases;
}

// The Punycode is that of RFC 3492's algorithm over the label in the comment.
const Cases& ALabels() {
  static const Cases cases = {
      {"xn--bcher-kva.example.com", "xn--bcher-kva.example.com", ""},    // buecher, one u-umlaut
      {"xn--mnchen-3ya.de", "xn--mnchen-3ya.de", ""},                    // muenchen
      {"xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai", ""},            // Cyrillic
      {"xn--fiqs8s.example.com", "xn--fiqs8s.example.com", ""},          // Han
      {"xn--r8jz45g.xn--zckzah", "xn--r8jz45g.xn--zckzah", ""},          // Japanese
      {"xn--hxajbheg2az3al.example", "xn--hxajbheg2az3al.example", ""},  // Greek
      {"xn--5dbmtg.example.com", "xn--5dbmtg.example.com", ""},          // Hebrew
      {"xn--mgbcd4a2b0d2b.example.com", "xn--mgbcd4a2b0d2b.example.com", ""},  // Arabic
      {"xn--3e0b707e.example.com", "xn--3e0b707e.example.com", ""},            // Hangul
      {"xn--fa-hia.de", "xn--fa-hia.de", ""},                                  // with a sharp s
      {"xn--tda.example.com", "xn--tda.example.com", ""},                      // one u-umlaut alone
      {"xn--9ca.example.com", "xn--9ca.example.com", ""},                      // one e-acute alone
      {"*.xn--bcher-kva.example.com", "*.xn--bcher-kva.example.com", ""},
      // Homoglyphs: a Cyrillic a before "pple". Named to be seen, not refused.
      {"xn--pple-43d.com", "xn--pple-43d.com", ""},
      {"xn--a.example.com", "", kALabel},     // U+0080
      {"xn--0.example.com", "", kALabel},     // the number never ends
      {"xn--abc-.example.com", "", kHyphen},  // nothing encoded
      {"xn--example.com", "xn--example.com", ""},
      {"xn--zzzzzz.example.com", "", kALabel},
      {"xn--99999999.example.com", "", kALabel},
      {"xn--9999999999999999999999.example.com", "", kALabel},
      {"xn--a-0.example.com", "", kALabel},
      {"xn---abc.example.com", "", kALabel},  // delimiter without anything before it
      {"xn----.example.com", "", kHyphen},
      {"www.xn--a.com", "", kALabel},
      {"www.example.xn--a", "", kALabel},
      {"*.xn--a.com", "", kALabel},
      {"XN--A.example.com", "", kALabel},
      {"xn--a.xn--b.com", "", kALabel},
  };
  return cases;
}

const Cases& NotAscii() {
  static const Cases cases = {
      {"b\xC3\xBC"
       "cher.example.com",
       "", kAscii},  // composed
      {"bu\xCC\x88"
       "cher.example.com",
       "", kAscii},  // not NFC
      {"fa\xC3\x9F.de", "", kAscii},
      {"\xE4\xBE\x8B\xE3\x81\x88.jp", "", kAscii},
      {"a\xE2\x80\x8D"
       "b.example.com",
       "", kAscii},  // zero-width joiner
      {"a\xE2\x80\x8C"
       "b.example.com",
       "", kAscii},  // zero-width non-joiner
      {"a\xE2\x80\x8B"
       "b.example.com",
       "", kAscii},  // zero-width space
      {"www\xE3\x80\x82"
       "example.com",
       "", kAscii},  // U+3002
      {"www\xEF\xBC\x8E"
       "example.com",
       "", kAscii},  // U+FF0E
      {"www\xEF\xBD\xA1"
       "example.com",
       "", kAscii},                              // U+FF61
      {"\xEF\xBD\x81.example.com", "", kAscii},  // full-width a
      {"\xD7\x9E\xD7\x91\xD7\x97\xD7\x9F.example.com", "", kAscii},
      {"\xE2\x80\xAE"
       "example.com",
       "", kAscii},  // right-to-left override
      {"ex\xC2\xAD"
       "ample.com",
       "", kAscii},                      // soft hyphen
      {"\xD0\xB0pple.com", "", kAscii},  // Cyrillic a
      {"\xE2\x98\x83.example.com", "", kAscii},
      {"www.example.com\xC2\xA0", "", kAscii},
      {"\xEF\xBB\xBFwww.example.com", "", kAscii},  // byte order mark
      {"*.b\xC3\xBC"
       "cher.com",
       "", kAscii},
      {"\xFF\xFE.example.com", "", kAscii},
      {"a\x80.example.com", "", kAscii},
      {"\xC3(.example.com", "", kAscii},
      {"\xED\xA0\x80.example.com", "", kAscii},
      {"www.example.com\xE3\x80\x82", "", kAscii},
      {"\xEF\xBC\x8A.example.com", "", kAscii},  // full-width asterisk
  };
  return cases;
}

const Cases& Characters() {
  static const Cases cases = {
      {"_acme-challenge.example.com", "", kUnderscore},
      {"foo_bar.example.com", "", kUnderscore},
      {"_.example.com", "", kUnderscore},
      {"www._tcp.example.com", "", kUnderscore},
      {"www.exam_ple.com", "", kUnderscore},
      {"www.example.c_m", "", kUnderscore},
      {"*._domainkey.example.com", "", kUnderscore},
      {" www.example.com", "", kCharacter},
      {"www.example.com ", "", kCharacter},
      {"www .example.com", "", kCharacter},
      {" ", "", kCharacter},
      {"www.example.com\n", "", kCharacter},
      {"www.example.com\r\n", "", kCharacter},
      {"\twww.example.com", "", kCharacter},
      {"www.example.com\t", "", kCharacter},
      {std::string("www.example.com\0", 16), "", kCharacter},
      {std::string("www\0.example.com", 16), "", kCharacter},
      {std::string("good.com\0.evil.com", 18), "", kCharacter},
      {std::string("\0", 1), "", kCharacter},
      {"www%00.example.com", "", kCharacter},
      {"www%2eexample.com", "", kCharacter},
      {"%77ww.example.com", "", kCharacter},
      {"www.example.com/", "", kCharacter},
      {"www.example.com/path", "", kCharacter},
      {"/www.example.com", "", kCharacter},
      {"../etc/passwd.com", "", kCharacter},
      {"www\\.example.com", "", kCharacter},
      {"www.example.com\\", "", kCharacter},
      {"user@example.com", "", kCharacter},
      {"@.example.com", "", kCharacter},
      {"www,example.com", "", kCharacter},
      {"a.example.com,b.example.com", "", kCharacter},
      {"a.example.com b.example.com", "", kCharacter},
      {"www;example.com", "", kCharacter},
      {"www!example.com", "", kCharacter},
      {"www#.example.com", "", kCharacter},
      {"$(id).example.com", "", kCharacter},
      {"`id`.example.com", "", kCharacter},
      {"\"www.example.com\"", "", kCharacter},
      {"'www.example.com'", "", kCharacter},
      {"<b>.example.com", "", kCharacter},
      {"www+example.com", "", kCharacter},
      {"www=example.com", "", kCharacter},
      {"=example.com", "", kCharacter},
      {"www?.example.com", "", kCharacter},
      {"www&example.com", "", kCharacter},
      {"(www).example.com", "", kCharacter},
      {"{www}.example.com", "", kCharacter},
      {"www|example.com", "", kCharacter},
      {"www~example.com", "", kCharacter},
      {"www^example.com", "", kCharacter},
      {"\x1b[31m.example.com", "", kCharacter},
      {"www\x7f.example.com", "", kCharacter},
      {"www.example.com:443", "", kIpv6},
      {"http://www.example.com", "", kIpv6},
      {"https://www.example.com/", "", kIpv6},
      {"www.example.com:", "", kIpv6},
      {"dns:www.example.com", "", kIpv6},
      {"DNS:www.example.com", "", kIpv6},
      {":", "", kIpv6},
  };
  return cases;
}

const Cases& Wildcards() {
  static const Cases cases = {
      {"*.example.com", "*.example.com", ""},
      {"*.www.example.com", "*.www.example.com", ""},
      {"*.example.test", "*.example.test", ""},
      {"*.co.uk", "*.co.uk", ""},
      {"*.github.io", "*.github.io", ""},
      {"*.1.example.com", "*.1.example.com", ""},
      {"*", "", kWildcard},
      {"*.", "", kEmpty},
      {"**", "", kWildcard},
      {"*..", "", kEmpty},
      {"*.*", "", kWildcard},
      {"*.com", "", kSingle},
      {"*.com.", "", kSingle},
      {"*.test", "", kSingle},
      {"**.example.com", "", kWildcard},
      {"*.*.example.com", "", kWildcard},
      {"*a.example.com", "", kWildcard},
      {"a*.example.com", "", kWildcard},
      {"a*b.example.com", "", kWildcard},
      {"www.*.example.com", "", kWildcard},
      {"www.*.com", "", kWildcard},
      {"www.example.*", "", kWildcard},
      {"www.example.com*", "", kWildcard},
      {"www.example.com.*", "", kWildcard},
      {".*.example.com", "", kWildcard},
      {"*..example.com", "", kEmptyLabel},
      {"*example.com", "", kWildcard},
      {"*-a.example.com", "", kWildcard},
      {"xn--*.example.com", "", kWildcard},
      {"*.xn--*.com", "", kWildcard},
      {"*.localhost", "", kSpecial},
      {"*.foo.local", "", kSpecial},
      {"*.192.0.2.1", "", kWildcardAddress},
      {"*.2001:db8::1", "", kWildcardAddress},
      {"*.1.2.3", "", kNumber},
  };
  return cases;
}

const Cases& SpecialNames() {
  static const Cases cases = {
      {"localhost", "", kSpecial},
      {"LOCALHOST", "", kSpecial},
      {"localhost.", "", kSpecial},
      {"foo.localhost", "", kSpecial},
      {"printer.local", "", kSpecial},
      {"printer.LOCAL.", "", kSpecial},
      {"local", "", kSpecial},
      {"expyuzz4wqqyqhjn.onion", "", kSpecial},
      {"www.expyuzz4wqqyqhjn.onion", "", kSpecial},
      {"www.example.invalid", "", kSpecial},
      {"invalid", "", kSpecial},
      {"arpa", "", kSpecial},
      {"example.arpa", "", kSpecial},
      {"home.arpa", "", kSpecial},
      {"1.2.3.4.in-addr.arpa", "", kSpecial},
      {"4.3.2.1.in-addr.ARPA", "", kSpecial},
      {"8.b.d.0.1.0.0.2.ip6.arpa", "", kSpecial},
      {"example.alt", "", kSpecial},
  };
  return cases;
}

const Cases& Ipv4() {
  static const Cases cases = {
      {"192.0.2.1", "192.0.2.1", ""},
      {"127.0.0.1", "127.0.0.1", ""},
      {"10.0.0.0", "10.0.0.0", ""},
      {"1.1.1.1", "1.1.1.1", ""},
      {"223.255.255.255", "223.255.255.255", ""},
      {"0.0.0.0", "", kNoHost},
      {"0.1.2.3", "", kNoHost},
      {"224.0.0.1", "", kNoHost},
      {"255.255.255.255", "", kNoHost},
      {"256.0.2.1", "", kNumber},
      {"192.0.2.256", "", kNumber},
      {"192.0.2.1000", "", kNumber},
      {"192.0.2", "", kNumber},
      {"192.0.2.", "", kNumber},
      {"192.0.2.1.", "", kNumber},
      {"192.0.2.1.1", "", kNumber},
      {"192.0.02.1", "", kNumber},
      {"192.0.2.01", "", kNumber},
      {"0300.0.2.1", "", kNumber},
      {"0xC0.0x00.0x02.0x01", "", kNumber},
      {"0xc0000201", "", kNumber},
      {"0XC0000201", "", kNumber},
      {"192.0.2.0x1", "", kNumber},
      {"192.0.2.0x", "", kNumber},
      {"3221225985", "", kNumber},
      {"030000001001", "", kNumber},
      {"1", "", kNumber},
      {"0", "", kNumber},
      {"192.513", "", kNumber},
      {"192.0.513", "", kNumber},
      {"-1.2.3.4", "", kNumber},
      {"+1.2.3.4", "", kNumber},
      {"1.2.3.-4", "", kHyphen},
      {" 1.2.3.4", "", kNumber},
      {"1.2.3.4 ", "", kCharacter},
      {std::string("1.2.3.4\0", 8), "", kCharacter},
      {std::string("1.2\0.3.4", 8), "", kNumber},
      {"1.2.3.4/32", "", kCharacter},
      {"1.2.3.4:80", "", kIpv6},
      {".1.2.3.4", "", kNumber},
      {"1..2.3", "", kNumber},
      {"example.123", "", kNumber},
      {"www.example.1", "", kNumber},
      {"example.0x1f", "", kNumber},
      {"1.2.3.4a", "1.2.3.4a", ""},
  };
  return cases;
}

const Cases& Ipv6() {
  static const Cases cases = {
      {"2001:db8::1", "2001:db8::1", ""},
      {"2001:DB8::1", "2001:db8::1", ""},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1", ""},
      {"2001:db8:0:0:0:0:0:1", "2001:db8::1", ""},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", ""},
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", ""},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", ""},
      {"2001:db8::192.0.2.1", "2001:db8::c000:201", ""},
      {"64:ff9b::192.0.2.1", "64:ff9b::c000:201", ""},
      {"::1", "::1", ""},
      {"fe80::1", "fe80::1", ""},
      {"fd00::1", "fd00::1", ""},
      {"2001:db8::", "2001:db8::", ""},
      {"::", "", kMapped},
      {"::2", "", kMapped},
      {"::192.0.2.1", "", kMapped},
      {"::ffff:192.0.2.1", "", kMapped},
      {"::FFFF:c000:201", "", kMapped},
      {"0:0:0:0:0:ffff:c000:0201", "", kMapped},
      {"ff02::1", "", kNoHost},
      {"fe80::1%eth0", "", kZone},
      {"fe80::1%25eth0", "", kZone},
      {"[2001:db8::1]", "", kBrackets},
      {"[2001:db8::1]:443", "", kBrackets},
      {"2001:db8::1::2", "", kIpv6},
      {"2001:db8:::1", "", kIpv6},
      {"2001:db8::g", "", kIpv6},
      {"2001:db8::12345", "", kIpv6},
      {"1:2:3:4:5:6:7", "", kIpv6},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", ""},
      {"1:2:3:4:5:6:7:8:9", "", kIpv6},
      {"2001:db8::1.", "", kIpv6},
      {"2001:db8::1/64", "", kIpv6},
      {" 2001:db8::1", "", kIpv6},
      {"2001:db8::1 ", "", kIpv6},
      {std::string("2001:db8::1\0", 12), "", kIpv6},
      {"2001:db8::1.2.3", "", kIpv6},
      {"2001:db8::01.2.3.4", "", kIpv6},
      {":::", "", kIpv6},
      {":1", "", kIpv6},
      {"1:", "", kIpv6},
      {"2001-db8--1.ipv6-literal.net", "2001-db8--1.ipv6-literal.net", ""},
  };
  return cases;
}

}  // namespace

std::vector<NameCase> NameTable() {
  Cases all;
  for (const Cases& part : {Ordinary(), CaseAndDots(), Lengths(), Hyphens(), ALabels(), NotAscii(),
                            Characters(), Wildcards(), SpecialNames(), Ipv4(), Ipv6()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace norroy::challenge
