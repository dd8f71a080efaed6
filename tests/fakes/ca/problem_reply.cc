#include "tests/fakes/ca/problem_reply.h"

#include <nlohmann/json.hpp>

namespace norroy::fakes {

http::Response ProblemReply(int status, const std::string& type, const std::string& detail) {
  http::Response reply;
  reply.status = status;
  reply.headers = {{"Content-Type", "application/problem+json"}};
  reply.body =
      nlohmann::json(
          {{"type", "urn:ietf:params:acme:error:" + type}, {"detail", detail}, {"status", status}})
          .dump();
  return reply;
}

std::string ProblemTypeOf(const http::Response& reply) {
  if (reply.status < 400) return "";
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) return "";
  const std::string type = json["type"].get<std::string>();
  return type.substr(type.rfind(':') + 1);
}

}  // namespace norroy::fakes
