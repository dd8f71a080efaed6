#include "tests/fakes/ca/json_replies.h"

namespace norroy::fakes {

std::string DateText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

Json ProblemJson(const ProblemText& problem) {
  Json json = {{"type", "urn:ietf:params:acme:error:" + problem.type}, {"detail", problem.detail}};
  if (problem.subproblems.empty()) return json;
  json["subproblems"] = Json::array();
  for (const SubproblemText& subproblem : problem.subproblems) {
    json["subproblems"].push_back({{"type", "urn:ietf:params:acme:error:" + subproblem.type},
                                   {"detail", subproblem.detail},
                                   {"identifier", {{"type", "dns"}, {"value", subproblem.name}}}});
  }
  return json;
}

http::Response JsonReply(int status, const Json& json) {
  http::Response reply;
  reply.status = status;
  reply.headers = {{"Content-Type", "application/json"}};
  reply.body = json.dump();
  return reply;
}

Json Payload(const SignedRequest& request) {
  Json payload = Json::parse(request.payload, nullptr, false);
  return payload.is_object() ? payload : Json::object();
}

std::string StringMember(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Json IdentifierJson(const challenge::Name& name, bool with_wildcard) {
  return {{"type", std::string(challenge::IdentifierTypeName(name.identifier().type()))},
          {"value", with_wildcard ? name.text() : name.identifier().value()}};
}

}  // namespace norroy::fakes
