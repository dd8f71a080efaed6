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
// In core/ and edge/, while one root follows the other (cli/rotation.h).
inline constexpr char kRotation[] = "rotation.json";
inline constexpr char kNextCertificate[] = "next.pem";
inline constexpr char kNextKey[] = "next.key";
inline constexpr char kNextCross[] = "next-cross.pem";
inline constexpr char kOldCertificate[] = "old.pem";
inline constexpr char kOldKey[] = "old.key";
inline constexpr char kCross[] = "cross.pem";
// To be copied to where they are needed: what is believed now, and how it follows.
inline constexpr char kTrusted[] = "trusted.pem";
inline constexpr char kSuccessors[] = "core/successors.pem";
inline constexpr char kRevoked[] = "core/revoked.crl";
inline constexpr char kCiAuthority[] = "core/ci-ca.pem";
inline constexpr char kIssued[] = "core/issued";

inline constexpr char kIssuerConfig[] = "issuer/issuer.yaml";
inline constexpr char kIssuerIdentity[] = "issuer/identity.pem";
inline constexpr char kIssuerSeal[] = "issuer/seal.pem";
inline constexpr char kIssuerCoreRoot[] = "issuer/core-root.pem";
// Once there is a sign-in door (`norroy identity ci-authority`).
inline constexpr char kIssuerCiAuthority[] = "issuer/ci-ca.pem";
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
