#ifndef NORROY_CLI_LAYOUT_H_
#define NORROY_CLI_LAYOUT_H_

// Where things lie in the directory that `norroy init` makes. core/ and edge/ hold the roots' keys
// and may be moved offline; the others hold what one process needs and nothing else, so that each
// can be moved to the machine of its process.

#include <string>

namespace norroy::cli::layout {

inline constexpr char kClientConfig[] = "norroy.yaml";

// The two roots; issued/ keeps the certificates (no keys) of all identities made from here.
inline constexpr char kCore[] = "core";
inline constexpr char kEdge[] = "edge";
inline constexpr char kRootCertificate[] = "root.pem";
inline constexpr char kRootKey[] = "root.key";
inline constexpr char kCiAuthority[] = "core/ci-ca.pem";
inline constexpr char kIssued[] = "core/issued";

inline constexpr char kIssuerConfig[] = "issuer/issuer.yaml";
inline constexpr char kIssuerIdentity[] = "issuer/identity.pem";
inline constexpr char kIssuerSeal[] = "issuer/seal.pem";
inline constexpr char kIssuerCoreRoot[] = "issuer/core-root.pem";
inline constexpr char kIssuerKeys[] = "issuer/keys";
inline constexpr char kIssuerCaRoot[] = "issuer/ca-root.pem";
inline constexpr char kIssuerEabKey[] = "issuer/eab.key";

inline constexpr char kValidatorConfig[] = "validator/validator.yaml";
inline constexpr char kValidatorIdentity[] = "validator/identity.pem";
inline constexpr char kValidatorCoreRoot[] = "validator/core-root.pem";
inline constexpr char kValidatorEdgeRoot[] = "validator/edge-root.pem";
inline constexpr char kValidatorEdgeCa[] = "validator/edge-ca.pem";

inline constexpr char kOperatorIdentity[] = "operator/identity.pem";
inline constexpr char kOperatorCoreRoot[] = "operator/core-root.pem";

inline constexpr char kAgentConfig[] = "agent/agent.yaml";
inline constexpr char kAgentAllow[] = "agent/allow";  // one pattern a line
inline constexpr char kAgentState[] = "agent/state";
// There once the agent is enrolled.
inline constexpr char kAgentIdentity[] = "agent/state/identity.pem";

inline constexpr char kLive[] = "live";

}  // namespace norroy::cli::layout

#endif  // NORROY_CLI_LAYOUT_H_
