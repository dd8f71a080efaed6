-- An issuer's database of schema version 5, with two orders under way: www.example.com with its
-- CSR, later.example.com without.
CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  state INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  due_time INTEGER NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_token INTEGER NOT NULL,
  lease_end INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE TABLE order_names (
  name TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  PRIMARY KEY (name, order_id)
) STRICT;
CREATE TABLE order_readers (
  principal TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  PRIMARY KEY (principal, order_id)
) STRICT;
CREATE TABLE requests (
  creator TEXT NOT NULL,
  request_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  order_id TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  PRIMARY KEY (creator, request_id)
) STRICT;
CREATE TABLE flights (
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  order_id TEXT NOT NULL,
  PRIMARY KEY (ca, profile, set_hash)
) STRICT;
CREATE TABLE ca_orders (
  ca TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  url TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, set_hash, url)
) STRICT;
CREATE TABLE failures (
  ca TEXT NOT NULL,
  identifier TEXT NOT NULL,
  authorization_url TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, identifier, authorization_url)
) STRICT;
CREATE TABLE holds (
  scope_hash TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  key_type TEXT NOT NULL,
  public_key_sha256 TEXT NOT NULL,
  replaced_by TEXT NOT NULL,
  revoke_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE TABLE certificate_names (
  name TEXT NOT NULL,
  certificate_id TEXT NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (name, certificate_id)
) STRICT;
CREATE TABLE certificate_readers (
  principal TEXT NOT NULL,
  certificate_id TEXT NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (principal, certificate_id)
) STRICT;
CREATE TABLE accounts (
  ca TEXT PRIMARY KEY,
  record BLOB NOT NULL
) STRICT;
CREATE TABLE audit (
  writer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL, format INTEGER NOT NULL DEFAULT 1, peer TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT 'ok', policy_version INTEGER NOT NULL DEFAULT 0, request_id TEXT NOT NULL DEFAULT '', trace_id TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (writer, seq)
) STRICT;
CREATE TABLE validations (
  ca TEXT NOT NULL,
  identifier TEXT NOT NULL,
  order_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, identifier, order_id)
) STRICT;
CREATE TABLE audit_checkpoints (
  number INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  body BLOB NOT NULL,
  signature BLOB NOT NULL,
  chain BLOB NOT NULL
) STRICT;
CREATE TABLE policies (
  version INTEGER PRIMARY KEY,
  create_time INTEGER NOT NULL,
  creator TEXT NOT NULL,
  comment TEXT NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE TABLE order_domains (
  principal TEXT NOT NULL,
  domain TEXT NOT NULL,
  order_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (principal, domain, order_id)
) STRICT;
CREATE TABLE authorizations (
  url TEXT PRIMARY KEY,
  ca TEXT NOT NULL,
  account_url TEXT NOT NULL,
  name TEXT NOT NULL,
  expire_time INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX orders_by_time ON orders (create_time, id);
CREATE INDEX orders_by_state ON orders (state, create_time, id);
CREATE INDEX orders_by_due ON orders (due_time, lease_end, id);
CREATE INDEX orders_by_lease ON orders (lease_end, due_time);
CREATE INDEX flights_by_order ON flights (order_id);
CREATE INDEX ca_orders_by_time ON ca_orders (time);
CREATE INDEX failures_by_time ON failures (time);
CREATE INDEX certificates_by_time ON certificates (create_time, id);
CREATE INDEX certificates_by_set ON certificates (ca, set_hash, create_time);
CREATE INDEX validations_by_order ON validations (order_id);
CREATE INDEX validations_by_seq ON validations (seq);
CREATE INDEX validations_by_time ON validations (time);
CREATE INDEX audit_by_object ON audit (object, writer, seq);
CREATE INDEX audit_by_time ON audit (time, writer, seq);
CREATE INDEX order_domains_by_time ON order_domains (time);
CREATE INDEX order_domains_by_principal ON order_domains (principal, domain, time);
CREATE INDEX authorizations_by_name ON authorizations (name);
CREATE INDEX authorizations_by_time ON authorizations (expire_time);
CREATE INDEX authorizations_by_order ON authorizations (order_id);
CREATE INDEX authorizations_by_reason ON authorizations (reason);
INSERT INTO schema_version (version) VALUES (1);
INSERT INTO schema_version (version) VALUES (2);
INSERT INTO schema_version (version) VALUES (3);
INSERT INTO schema_version (version) VALUES (4);
INSERT INTO schema_version (version) VALUES (5);
INSERT INTO orders (id, ca, profile, set_hash, state, create_time, due_time, lease_owner, lease_token, lease_end, record) VALUES ('61e54257cefbd2fc84b47d3fc3c6ca6a', 'ca', '', '80fc0fb9266db7b83f85850fa0e6548b6d70ee68c8b5b412f1deea6ebdef0404', 1, 1796052670426121000, 1796052673337036499, '', 2, -9223372036854775808, x'0a203631653534323537636566626432666338346234376433666333633663613661120d6f70657261746f722f726f6f742240643463333639323031383637306265383635653066396266356330356437366134396333363337383238376462323439383662383566313138663964626266342a0f7777772e6578616d706c652e636f6d320263616a0c08fcdaecb00d10a0b9e1ac06720c08fcc4b6b10d10a0b9e1ac06780182010c08fedaecb00d10e4cfbea3078a010c08fcdaecb00d10a0b9e1ac0692010c0882dbecb00d10cea6ec8205980102a201ec013081e930818f02010030003059301306072a8648ce3d020106082a8648ce3d030107034200044d80cb0da4f699357bad813ff58508794527b4e6203fc4d0b252e9daeb6c9e386b09f9324273ce36212eb2dc09dda0a8277b75c086e7177d07d92977af7437fea02d302b06092a864886f70d01090e311e301c301a0603551d1104133011820f7777772e6578616d706c652e636f6d300a06082a8648ce3d0403020349003046022100d1aad26baf8372b7e78c65199a06689a9e54353a81d981d5740a9fd0f2ee3b6c022100e7acb47e1528a1e35016f3db7f8ec59c7b38ecd7271291c5aa729a7c624288edaa014064333133623766643266383465343963663263613366306539653931366238313966616163643330623461336439363739636162343634623965663836343134ea0100f00101f801098a0219746865206e657874207472792061742031353a33313a31335a9202a301080e1a9e0176616c696461746f72203132372e302e302e313a31383434343a206661696c656420746f20636f6e6e65637420746f20616c6c206164647265737365733b206c617374206572726f723a20554e4b4e4f574e3a20697076343a3132372e302e302e313a31383434343a204661696c656420746f20636f6e6e65637420746f2072656d6f746520686f73743a20436f6e6e656374696f6e2072656675736564c2020d6f70657261746f722f726f6f74');
INSERT INTO orders (id, ca, profile, set_hash, state, create_time, due_time, lease_owner, lease_token, lease_end, record) VALUES ('c02fb72aea94a039245bd83bca46ee15', 'ca', '', '70083c11cbaf48f2900782f68f527931a7162ba0de5eb778f08ccf47e35e8d60', 1, 1796052670539244000, 1796052673703791168, '', 2, -9223372036854775808, x'0a206330326662373261656139346130333932343562643833626361343665653135120d6f70657261746f722f726f6f742240653763306134313138616135643463363637396437373766393163306135313436643861323066383065636663323031316638363534346531343234353364392a116c617465722e6578616d706c652e636f6d320263616a0c08fcdaecb00d1080afc38408720c08fcc4b6b10d1080afc38408780182010c08fedaecb00d10ac9b85fc078a010c08fcdaecb00d1080afc3840892010c0882dbecb00d108382b0be0a980102ea0100f00101f801098a0219746865206e657874207472792061742031353a33313a31335a9202a301080e1a9e0176616c696461746f72203132372e302e302e313a31383434343a206661696c656420746f20636f6e6e65637420746f20616c6c206164647265737365733b206c617374206572726f723a20554e4b4e4f574e3a20697076343a3132372e302e302e313a31383434343a204661696c656420746f20636f6e6e65637420746f2072656d6f746520686f73743a20436f6e6e656374696f6e2072656675736564');
INSERT INTO order_names (name, order_id) VALUES ('www.example.com', '61e54257cefbd2fc84b47d3fc3c6ca6a');
INSERT INTO order_names (name, order_id) VALUES ('later.example.com', 'c02fb72aea94a039245bd83bca46ee15');
INSERT INTO order_readers (principal, order_id) VALUES ('operator/root', '61e54257cefbd2fc84b47d3fc3c6ca6a');
INSERT INTO order_readers (principal, order_id) VALUES ('operator/root', 'c02fb72aea94a039245bd83bca46ee15');
INSERT INTO accounts (ca, record) VALUES ('ca', x'0a026361121b68747470733a2f2f3132372e302e302e313a31383530302f6469721a3368747470733a2f2f3132372e302e302e313a31383530302f6d792d6163636f756e742f35663938346336663165613734363131220576616c69642a1c6d61696c746f3a6f70657261746f72406578616d706c652e74657374322b41475346317941575958693776574556434e687070354c4237417041796b73725079346b46594b776b35674227646174613a746578742f706c61696e2c446f2532307768617425323074686f7525323077696c744a0c08fadaecb00d10fcb1a49a0e');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 1, 0, 'issuer/issuer', 'account.put', 'account/ca', 'url= status= key=AGSF1yAWYXi7vWEVCNhpp5LB7ApAyksrPy4kFYKwk5g', x'0000000000000000000000000000000000000000000000000000000000000000', x'965944990d87f9edda392ef5eb1b841764af6922f3e54d94988f68abae3ed9e2', 2, '', 'ok', 0, '', '');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 2, 1796052669953304639, 'issuer/issuer', 'account.put', 'account/ca', 'url=https://127.0.0.1:18500/my-account/5f984c6f1ea74611 status=valid key=AGSF1yAWYXi7vWEVCNhpp5LB7ApAyksrPy4kFYKwk5g', x'965944990d87f9edda392ef5eb1b841764af6922f3e54d94988f68abae3ed9e2', x'094913ab1af047a81d8203bbacc88a062908daa8926a22d67b2b34f7b7e53870', 2, '', 'ok', 0, '', '');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 3, 1796052670426121000, 'operator/root', 'order.create', 'order/61e54257cefbd2fc84b47d3fc3c6ca6a', 'ca=ca profile= names=www.example.com', x'094913ab1af047a81d8203bbacc88a062908daa8926a22d67b2b34f7b7e53870', x'eadd1720b3a592185c3edd7a892c47c450223fa5672b316c921c9b796f4653df', 2, '127.0.0.1:35038', 'ok', 0, '', 'dedb4976a8e278b8f81bad064529d080');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 4, 1796052670468591728, 'issuer/issuer', 'order.problem', 'order/61e54257cefbd2fc84b47d3fc3c6ca6a', 'while queued: UNKNOWN (validator 127.0.0.1:18444: failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:18444: Failed to connect to remote host: Connection refused)', x'eadd1720b3a592185c3edd7a892c47c450223fa5672b316c921c9b796f4653df', x'dce2c86a5f39a051870cc7303ed6f9d2417bfe8047341456f09f6734571be869', 2, '', 'failed', 0, '', '');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 5, 1796052670539244000, 'operator/root', 'order.create', 'order/c02fb72aea94a039245bd83bca46ee15', 'ca=ca profile= names=later.example.com', x'dce2c86a5f39a051870cc7303ed6f9d2417bfe8047341456f09f6734571be869', x'f96dfb52f3a30b0b34456d398367b0770d0b4525ef3a94814b3d9ffcd6e84b73', 2, '127.0.0.1:35054', 'ok', 0, '', 'de2a103bfd41d9a5f1552d012748bc4b');
INSERT INTO audit (writer, seq, time, principal, action, object, detail, prev_hash, hash, format, peer, outcome, policy_version, request_id, trace_id) VALUES ('issuer/issuer', 6, 1796052670566153337, 'issuer/issuer', 'order.problem', 'order/c02fb72aea94a039245bd83bca46ee15', 'while queued: UNKNOWN (validator 127.0.0.1:18444: failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:18444: Failed to connect to remote host: Connection refused)', x'f96dfb52f3a30b0b34456d398367b0770d0b4525ef3a94814b3d9ffcd6e84b73', x'edded75535c3c44c6efeb37cf29bc3829c29c09f76039389904f8711cfcaa704', 2, '', 'failed', 0, '', '');
INSERT INTO order_domains (principal, domain, order_id, time) VALUES ('operator/root', '', '', 1796052670539244000);
INSERT INTO order_domains (principal, domain, order_id, time) VALUES ('operator/root', '', '61e54257cefbd2fc84b47d3fc3c6ca6a', 1796052670426121000);
INSERT INTO order_domains (principal, domain, order_id, time) VALUES ('operator/root', 'example.com', '61e54257cefbd2fc84b47d3fc3c6ca6a', 1796052670426121000);
INSERT INTO order_domains (principal, domain, order_id, time) VALUES ('operator/root', '', 'c02fb72aea94a039245bd83bca46ee15', 1796052670539244000);
INSERT INTO order_domains (principal, domain, order_id, time) VALUES ('operator/root', 'example.com', 'c02fb72aea94a039245bd83bca46ee15', 1796052670539244000);
