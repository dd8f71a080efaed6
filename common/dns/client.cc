#include "common/dns/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/random.h"
#include "common/dns/transport.h"
#include "common/dns/wire.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::dns {
namespace {

// Answers up to this size pass unfragmented; larger ones come by TCP.
constexpr uint16_t kUdpPayload = 1232;
// How often a question is sent by UDP within its timeout.
constexpr int kSends = 3;
// So many packets that are no answer end a question.
constexpr int kMaxForeign = 256;

absl::Status BadServer(absl::string_view text) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("\"", Printable(text, 80),
                                "\" is no DNS server; write a numeric address and, if it is not "
                                "53, a port: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:5353"));
}

// As inet_ntop writes it; empty if it is none.
std::string Normal(const std::string& address) {
  char text[INET6_ADDRSTRLEN];
  in6_addr bytes;
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, address.c_str(), &bytes) != 1) continue;
    inet_ntop(family, &bytes, text, sizeof(text));
    return text;
  }
  return "";
}

absl::Status NoAnswer(absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DNS_MESSAGE",
                   absl::StrCat("what came is no answer: ", why));
}

// A question as it is sent.
struct Asked {
  uint16_t id = 0;
  std::string question;  // its section, with letters in random case
  std::string bytes;     // the whole message
};

Asked Encode(const Query& query) {
  crypto::SystemRandom random;
  Asked asked;
  asked.id = WireReader(random.Bytes(2)).U16();
  AppendQuestion(query.name, static_cast<uint16_t>(query.type), asked.question);
  // A guessed answer must guess the case too. Lengths (at most 63) and the last four bytes (type
  // and class) are no letters of the name.
  const std::string dice = random.Bytes(asked.question.size());
  for (size_t i = 0; i + 4 < asked.question.size(); ++i) {
    if ((dice[i] & 1) != 0) asked.question[i] = absl::ascii_toupper(asked.question[i]);
  }
  uint16_t flags = 0;
  if (query.recursion_desired) flags |= kRecursionDesired;
  if (query.checking_disabled) flags |= kCheckingDisabled;
  if (query.want_dnssec) flags |= kAuthenticData;
  AppendHeader({.id = asked.id, .flags = flags, .questions = 1, .additional = 1}, asked.bytes);
  absl::StrAppend(&asked.bytes, asked.question);
  // RFC 6891 6.1.2: OPT at the root, our payload in place of the class, the flags of EDNS in place
  // of the time to live.
  AppendName(Name(), asked.bytes);
  AppendU16(kTypeOpt, asked.bytes);
  AppendU16(kUdpPayload, asked.bytes);
  AppendU32(query.want_dnssec ? 0x8000 : 0, asked.bytes);
  AppendU16(0, asked.bytes);
  return asked;
}

enum class Verdict {
  kAnswer,
  kDoubtful,  // the id fits, the question does not quite: to be asked again where nobody can guess
  kForeign,
};

bool SameButCase(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() &&
         absl::EqualsIgnoreCase(a.substr(0, a.size() - 4), b.substr(0, b.size() - 4)) &&
         a.substr(a.size() - 4) == b.substr(b.size() - 4);
}

Verdict Judge(const Asked& asked, absl::string_view reply) {
  WireReader reader(reply);
  const Header header = reader.ReadHeader();
  const bool ours = reader.ok() && header.is_reply() && header.opcode() == 0 &&
                    header.id == asked.id && header.questions <= 1;
  if (!ours) return Verdict::kForeign;
  // Some servers refuse without repeating what.
  if (header.questions == 0) return header.rcode() != 0 ? Verdict::kDoubtful : Verdict::kForeign;
  const absl::string_view question = reader.Bytes(asked.question.size());
  if (!reader.ok()) return Verdict::kForeign;
  if (question == asked.question) return Verdict::kAnswer;
  return SameButCase(question, asked.question) ? Verdict::kDoubtful : Verdict::kForeign;
}

// TCP: nobody but who sees the connection can write into it, so a doubtful answer will do.
absl::StatusOr<Message> AskByTcp(const Server& server, const Asked& asked,
                                 const Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(const std::string reply, ExchangeByTcp(server, asked.bytes, deadline));
  if (Judge(asked, reply) == Verdict::kForeign) {
    return NoAnswer("by TCP another id or another question came than was sent");
  }
  return ParseReply(reply);
}

// Asks by UDP, and by TCP as soon as the answer is cut or doubtful.
class Asking {
 public:
  Asking(const Server& server, const Query& query, absl::Duration timeout)
      : server_(server),
        asked_(Encode(query)),
        interval_(timeout / kSends),
        deadline_(Deadline::After(timeout)) {}

  absl::StatusOr<Message> Run() {
    NORROY_ASSIGN_OR_RETURN(Socket socket, Socket::Udp(server_));
    while (!deadline_.passed() && foreign_ < kMaxForeign) {
      NORROY_RETURN_IF_ERROR(socket.SendDatagram(asked_.bytes));
      const Deadline resend = Deadline::After(std::min(interval_, deadline_.left()));
      while (foreign_ < kMaxForeign) {
        const auto reply = socket.ReceiveDatagram(resend);
        if (absl::IsDeadlineExceeded(reply.status())) break;
        if (!reply.ok()) return reply.status();
        auto answer = Take(*reply);
        if (answer) return *std::move(answer);
      }
    }
    return Nothing();
  }

 private:
  // The answer, or what came instead of it; unset: go on waiting.
  std::optional<absl::StatusOr<Message>> Take(const std::string& reply) {
    switch (Judge(asked_, reply)) {
      case Verdict::kAnswer: {
        if (!WireReader(reply).ReadHeader().truncated()) return ParseReply(reply);
        const auto whole = AskByTcp(server_, asked_, deadline_);
        if (whole.ok()) return whole;
        return absl::StatusOr<Message>(
            WithContext(whole.status(), "the answer by UDP is truncated, and by TCP"));
      }
      case Verdict::kDoubtful: {
        if (!doubt_.ok()) return std::nullopt;
        const auto sure = AskByTcp(server_, asked_, Deadline::After(deadline_.left() / 2));
        if (sure.ok()) return sure;
        doubt_ = sure.status();
        return std::nullopt;
      }
      case Verdict::kForeign:
        ++foreign_;
        return std::nullopt;
    }
    return std::nullopt;
  }

  absl::Status Nothing() const {
    if (!doubt_.ok()) {
      return NoAnswer(absl::StrCat(
          "the server does not repeat the question as it was sent, letter case included (a "
          "forger's answer would look so), and by TCP: ",
          doubt_.message()));
    }
    if (foreign_ > 0) {
      return NoAnswer(absl::StrCat(foreign_,
                                   " packets came and none has the id and the question "
                                   "that were sent"));
    }
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT",
                     "no answer in time; is a DNS server there, and does a firewall let UDP and "
                     "TCP through?");
  }

  const Server& server_;
  const Asked asked_;
  const absl::Duration interval_;
  const Deadline deadline_;
  int foreign_ = 0;
  absl::Status doubt_;  // why TCP did not settle a doubtful answer
};

class SocketClient final : public Client {
 public:
  absl::StatusOr<Message> Ask(const Server& server, const Query& query,
                              absl::Duration timeout) override {
    auto message = Asking(server, query, timeout).Run();
    if (message.ok()) return message;
    return WithContext(message.status(),
                       absl::StrCat("DNS server ", server.text(), ", ", TypeName(query.type),
                                    " of ", query.name.absolute()));
  }
};

}  // namespace

std::string Server::text() const {
  const bool v6 = address.find(':') != std::string::npos;
  return absl::StrCat(v6 ? "[" : "", address, v6 ? "]:" : ":", port);
}

absl::StatusOr<Server> Server::Parse(absl::string_view text) {
  Server server;
  absl::string_view address = text;
  absl::string_view port;
  bool has_port = false;
  if (!text.empty() && text[0] == '[') {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return BadServer(text);
    address = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (address.find(':') == absl::string_view::npos) return BadServer(text);
    has_port = !port.empty();
    if (has_port && port[0] != ':') return BadServer(text);
    if (has_port) port.remove_prefix(1);
  } else if (text.find(':') == text.rfind(':') && text.find(':') != absl::string_view::npos) {
    address = text.substr(0, text.find(':'));
    port = text.substr(text.find(':') + 1);
    has_port = true;
  }
  server.address = Normal(std::string(address));
  if (server.address.empty()) return BadServer(text);
  const bool port_ok = !port.empty() && absl::ascii_isdigit(port[0]) &&
                       absl::SimpleAtoi(port, &server.port) && server.port >= 1 &&
                       server.port <= 65535;
  if (has_port && !port_ok) return BadServer(text);
  return server;
}

std::unique_ptr<Client> MakeClient() { return std::make_unique<SocketClient>(); }

}  // namespace norroy::dns
