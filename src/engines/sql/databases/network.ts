/** What Node says of a connection that could not be made, and what to do about it. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check host and port, and that the server runs',
  ENOTFOUND: 'no such host is known: check the host name',
  EAI_AGAIN: 'the host name cannot be looked up at the moment: check the network and its name server',
  ENOENT: 'there is no such socket: check the folder and the port, and that the server runs',
  EACCES: 'this process may not open the socket: check the rights of its folder',
  ETIMEDOUT: 'the server does not answer: check host, port and firewalls',
  EHOSTUNREACH: 'no way leads to the host: check the network and firewalls',
  ENETUNREACH: 'no way leads to the host: check the network and firewalls',
  ECONNRESET: 'the server, or something in between, hung up: check that the port is the database server, and its log',
  EPIPE: 'the server, or something in between, hung up: check its log',
  CERT_HAS_EXPIRED: "the server's certificate has expired: renew it on the server",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: check the clocks of both machines",
  CERT_REVOKED: "the server's certificate has been revoked: renew it on the server",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the server's certificate is signed by itself: name it as the CA, or have it signed by one",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate comes from a CA that is not known here: name the CA's file",
  UNABLE_TO_GET_ISSUER_CERT: "the server's certificate comes from a CA that is not known here: name the CA's file",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the server's certificate comes from a CA that is not known here: name the CA's file",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the server's certificate comes from a CA that is not known here: name the CA's file",
  CERT_SIGNATURE_FAILURE: "the server's certificate was not signed by this CA: check the CA's file",
  CERT_UNTRUSTED: "the server's certificate is not trusted: check the CA's file",
  INVALID_CA: 'the certificate of the CA is not one that may sign: check the file of the CA',
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host name: connect by a name that is in it",
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there: check the port, and that the server has TLS on',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'server and process share no version of TLS: update the older one',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'server and process share no version of TLS: update the older one',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "the server does not know the CA of this client's certificate: use one that it trusts",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a certificate of the client: name its file and its key',
}

/** What to do about an error of Node's network or TLS; `undefined` for another one. */
export function networkRemedy(cause: unknown): string | undefined {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  if (typeof code === 'string' && Object.hasOwn(REMEDIES, code)) return REMEDIES[code]
  // An address that resolves to several has an error for each.
  return cause instanceof AggregateError ? networkRemedy(cause.errors[0]) : undefined
}
